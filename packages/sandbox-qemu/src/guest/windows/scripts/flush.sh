# Arguments: the initial processes, and the login user. Cygwin's sync flushes all volumes, for which
# the login user must be an administrator, and fails for none (winsup/cygwin/syscalls.cc sync, sync_worker).
. ./lib/start.sh
. ./lib/kill-stray-processes.sh
kill_stray_processes "$1" "$2"
sync
