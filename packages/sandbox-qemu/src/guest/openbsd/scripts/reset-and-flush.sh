# As root. Argument: the initial processes. Ends what the step has left, prints what is mounted, and makes all file systems on disks
# read-only: the kernel writes everything, and marks them clean (openbsd/src sys/ufs/ffs/ffs_vfsops.c ffs_mount). That is refused
# where a file is open for writing (EBUSY): then everything is as it was, it says nothing, and the guest must be shut down.
. ./lib/start.sh
. ./lib/kill-stray-processes.sh
. ./lib/file-systems.sh
. ./lib/thaw.sh
kill_stray_processes "$1"
print_mounts
for daemon in $loggers; do rcctl check "$daemon" >/dev/null 2>&1 && rcctl stop "$daemon" >/dev/null 2>&1; done
sync
for directory in $(on_disks | sort -r); do
  mount -u -r "$directory" 2>/dev/null || { thaw; exit 0; }
done
echo 'obuilder: frozen'
