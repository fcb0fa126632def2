# What a worker of udev has handled is locked in /run until the worker ends, which it does when it has had nothing to do for
# some seconds; or at once, when udev reads its rules again.
end_udev_workers() {
  udevadm settle --timeout=60 && udevadm control --reload
  tries=0
  while has_udev_locks && [ $((tries += 1)) -le 50 ]; do sleep 0.1; done
}
has_udev_locks() {
  for lock in /run/udev/links/*/.lock; do
    if [ -e "$lock" ]; then return 0; fi
  done
  return 1
}
