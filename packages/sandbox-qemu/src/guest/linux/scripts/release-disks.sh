# As root. Arguments: serial number and letters of each disk. Its driver lets go of the disk, which can then be exchanged.
. ../../posix/scripts/fail.sh
. ./lib/find-disk.sh
while [ $# -gt 0 ]; do
  if ! find_disk "$1" "$2" || [ ! -b "$device" ]; then fail "the guest does not see the disk $1"; fi
  name=${device#/dev/}
  entry=$(readlink -f "/sys/block/${name%1}/device")
  echo "${entry##*/}" >/sys/bus/virtio/drivers/virtio_blk/unbind || fail "the driver does not let go of $device"
  shift 2
done
