# Prints the ids of all processes, for kill-stray-processes.sh.
. ./lib/start.sh
exec ps -ax -o pid=
