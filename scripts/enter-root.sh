# Enters a root directory: in a mount namespace of its own, which ends with it, and not by chroot, in which passt and bubblewrap
# could not change their own root. Arguments: the root, how many directories of the host it shows at their own places, these, and
# the command.
set -e
root=$1 count=$2
shift 2
mount --bind "$root" "$root"
for each in /proc /dev /sys; do mount --rbind "$each" "$root$each"; done
while [ "$count" -gt 0 ]; do
  mkdir -p "$root$1"
  mount --rbind "$1" "$root$1"
  shift
  count=$((count - 1))
done
cp /etc/resolv.conf "$root/etc/resolv.conf"
mkdir -p "$root/old"
cd "$root"
pivot_root . old
umount --lazy /old
cd /
exec "$@"
