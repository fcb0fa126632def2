# Unmounts a directory, and waits for what still uses it: then umount ends with 1 (openbsd/src sbin/umount/umount.c umountfs).
unmount() {
  tries=0
  until umount "$1" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -le 20 ] || { umount "$1"; return 1; }
    sleep 0.1
  done
}
