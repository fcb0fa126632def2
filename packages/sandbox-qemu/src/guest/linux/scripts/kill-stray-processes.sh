# As root. Argument: the initial processes.
. ./lib/kill-stray-processes.sh
. ./lib/reap.sh
kill_stray_processes "$1"
[ "$rounds" = 0 ] || reap
