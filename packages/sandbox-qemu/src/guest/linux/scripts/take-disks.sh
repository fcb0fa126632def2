# As root. Argument: how many disks the driver is to take that release-disks.sh has released: the first of them, in the order of the bus.
. ../../posix/scripts/fail.sh
index=0 left=$1
while [ "$left" -gt 0 ]; do
  [ "$index" -lt 256 ] || fail "the guest lacks $left of the devices of its caches"
  entry=/sys/bus/virtio/devices/virtio$index
  index=$((index + 1))
  if [ ! -e "$entry" ] || [ -e "$entry/driver" ]; then continue; fi
  read -r kind <"$entry/device"
  [ "$kind" = 0x0002 ] || continue
  echo "${entry##*/}" >/sys/bus/virtio/drivers/virtio_blk/bind || fail "the driver does not take ${entry##*/}"
  left=$((left - 1))
done
