# Prints the ids of all processes, which is the baseline of kill-stray-processes.sh.
. ./lib/start.sh
exec ps -ax -o pid=
