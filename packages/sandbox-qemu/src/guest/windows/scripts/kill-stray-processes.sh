# Arguments: the initial processes, and the login user.
. ./lib/start.sh
. ./lib/kill-stray-processes.sh
kill_stray_processes "$1" "$2"
