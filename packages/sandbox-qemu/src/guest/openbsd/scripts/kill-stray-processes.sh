# As root. Argument: the baseline.
. ./lib/start.sh
. ./lib/kill-stray-processes.sh
kill_stray_processes "$1"
