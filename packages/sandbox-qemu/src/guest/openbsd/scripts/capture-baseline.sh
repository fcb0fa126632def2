# As root. Prints the file systems that are mounted, for VM reuse. `mount` prints `DEVICE on DIRECTORY type TYPE (OPTIONS)`
# (openbsd/src sbin/mount/mount.c prmount). What is read-only cannot be told from what freeze.sh makes so.
. ./lib/start.sh
. ./lib/file-systems.sh
list=$(mount) || exit 125
case $list in *read-only*) echo "no: it has a file system that is read-only"; exit 0 ;; esac
print_mounts
