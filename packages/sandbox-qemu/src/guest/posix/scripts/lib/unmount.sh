# Unmounts a directory, and waits for what still uses it.
unmount() {
  tries=0
  until umount "$1" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -le 20 ] || { umount "$1"; return 1; }
    sleep 0.1
  done
}
