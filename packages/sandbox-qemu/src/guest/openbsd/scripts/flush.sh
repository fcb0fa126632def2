# As root. Argument: the initial processes. sync only starts the writing (openbsd/src sys/kern/vfs_syscalls.c sys_sync has
# MNT_NOWAIT): the shutdown that follows unmounts everything.
. ./lib/start.sh
. ./lib/kill-stray-processes.sh
kill_stray_processes "$1"
sync
sync
