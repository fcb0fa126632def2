# As root. Argument: the initial processes.
. ./lib/start.sh
. ./lib/kill-stray-processes.sh
kill_stray_processes "$1"
