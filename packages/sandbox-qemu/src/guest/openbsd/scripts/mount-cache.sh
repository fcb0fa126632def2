# As root. Arguments: number of the disk, target, yes or no for formatted, and the user. A cache that is lost with its guest is
# never published: nothing need be written in order before it is unmounted.
#
# fsck ends with 0 even if it could do nothing, or asks to be run again (openbsd/src sbin/fsck_ffs/main.c 1.55 main, checkfilesys).
# Then the file system is not marked clean, and cannot be mounted (sys/ufs/ffs/ffs_vfsops.c 1.201 ffs_mountfs, sbin/mount_ffs/mount_ffs.c).
. ./lib/start.sh
. ./lib/run-as.sh
disk=sd$1 target=$2 formatted=$3
resolve_user "$4" "$5" "$6"
resolve_groups "$4"
# openbsd/src etc/etc.amd64/MAKEDEV: "all" makes devices for the first disks only.
[ -b "/dev/${disk}a" ] || (cd /dev && sh MAKEDEV "$disk") || fail "the guest has no device $disk"
said() { "$@" </dev/null 2>&1; }
if [ "$formatted" = no ]; then
  # openbsd/src sbin/fdisk/fdisk.c 1.149 main: -y answers; sbin/disklabel/editor.c editor, editor_add: offset, size and
  # type by default, then write; a write that fails makes q ask, and the end of the input is then status 1.
  output=$(said fdisk -iy "$disk") || fail "cannot partition $disk: $output"
  output=$(printf 'a a\n\n\n\nw\nq\n' | disklabel -E "$disk" 2>&1) || fail "cannot label $disk: $output"
  # openbsd/src sbin/newfs/newfs.c main: a raw device, no questions.
  output=$(said newfs "/dev/r${disk}a") || fail "cannot make a file system on $disk: $output"
else
  # openbsd/src sbin/fsck/fsck.c 1.41 main: the kind of file system is in the disk's label.
  check() { output=$(said fsck -y "/dev/${disk}a") || fail "cannot repair the file system of $disk: $output"; }
  check
  case $output in *'PLEASE RERUN FSCK'*) check ;; esac
fi
[ -d "$target" ] || run_as mkdir -p -- "$target" 2>/dev/null || mkdir -p -- "$target" || exit 125
# openbsd/src sbin/mount_ffs/mount_ffs.c 1.26 mopts has both options.
mounted=$(said mount -o async,noatime "/dev/${disk}a" "$target") || fail "cannot mount $disk: $mounted
$output"
. ../../posix/scripts/lib/own-empty-cache.sh
