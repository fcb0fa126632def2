# As root. Arguments: the disk's serial number and letters, target, yes or no for formatted, and the user. Reading a cache must
# not make it larger.
. ../../posix/scripts/fail.sh
. ./lib/run-as.sh
. ./lib/find-disk.sh
serial=$1 letters=$2 target=$3 formatted=$4
resolve_user "$5" "$6" "$7"
resolve_groups "$5"
tries=0
until find_disk "$serial" "$letters" && [ -b "$device" ]; do
  tries=$((tries + 1))
  [ $tries -le 50 ] || fail "the guest does not see the disk $serial"
  sleep 0.1
done
if [ "$formatted" = no ]; then
  command -v mkfs.ext4 >/dev/null || fail "the guest has no mkfs.ext4 to format a new cache with"
  mkfs.ext4 -q -F "$device" >&2 || fail "cannot format $device"
fi
[ -d "$target" ] || run_as mkdir -p -- "$target" 2>/dev/null || mkdir -p -- "$target" || exit 125
mount -o noatime "$device" "$target" 2>/dev/null || {
  e2fsck -y "$device" >&2
  [ $? -le 2 ] || fail "cannot repair the file system of $device"
  mount -o noatime "$device" "$target" || exit 125
}
. ../../posix/scripts/lib/own-empty-cache.sh
