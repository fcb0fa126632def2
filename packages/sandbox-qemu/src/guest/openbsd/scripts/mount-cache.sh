# As root. Arguments: number of the disk, target, yes or no for formatted, and the user. A cache that is lost with its guest is
# never published: nothing need be written in order before it is unmounted.
. ./lib/start.sh
. ./lib/run-as.sh
disk=sd$1 target=$2 formatted=$3
resolve_user "$4" "$5" "$6"
resolve_groups "$4"
[ -b "/dev/${disk}a" ] || (cd /dev && sh MAKEDEV "$disk") || fail "the guest has no device $disk"
said() { "$@" </dev/null 2>&1; }
if [ "$formatted" = no ]; then
  output=$(said fdisk -iy "$disk") || fail "cannot partition $disk: $output"
  output=$(printf 'a a\n\n\n\nw\nq\n' | disklabel -E "$disk" 2>&1) || fail "cannot label $disk: $output"
  output=$(said newfs "/dev/r${disk}a") || fail "cannot make a file system on $disk: $output"
else
  output=$(said fsck -y "/dev/${disk}a") || fail "cannot repair the file system of $disk: $output"
fi
[ -d "$target" ] || run_as mkdir -p -- "$target" 2>/dev/null || mkdir -p -- "$target" || exit 125
mount -o async,noatime "/dev/${disk}a" "$target" || exit 125
. ../../posix/scripts/lib/own-empty-cache.sh
