# Arguments: the initial processes, and the login user. Cygwin's sync flushes all volumes.
. ./lib/start.sh
. ./lib/kill-stray-processes.sh
kill_stray_processes "$1" "$2"
sync
