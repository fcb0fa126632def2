# Prints the ids of all processes, for kill-stray-processes.sh. openbsd/src bin/ps/keyword.c: an empty header is not printed.
. ./lib/start.sh
exec ps -ax -o pid=
