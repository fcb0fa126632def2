# As root. Answers before the guest goes down. Where nothing can tell init to end the guest, the kernel remounts all file
# systems read-only, which leaves them clean, and powers off.
sync
for program in poweroff /sbin/poweroff /usr/sbin/poweroff; do
  command -v "$program" >/dev/null || continue
  (sleep 0.2; "$program") </dev/null >/dev/null 2>&1 &
  exit 0
done
(
  sleep 0.2
  echo u >/proc/sysrq-trigger
  tries=0
  while grep -q '^/dev/[^ ]* / [^ ]* rw' /proc/mounts && [ $tries -lt 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  [ $tries = 100 ] || echo o >/proc/sysrq-trigger
) </dev/null >/dev/null 2>&1 &
