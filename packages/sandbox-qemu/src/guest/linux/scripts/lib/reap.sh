# A killed process is there until init has reaped it, which a small init does once a second.
reap() {
  tries=0
  while [ $tries -lt 60 ] && grep -qs '^[0-9]* (.*) Z 1 ' /proc/[0-9]*/stat; do
    tries=$((tries + 1))
    sleep 0.05
  done
}
