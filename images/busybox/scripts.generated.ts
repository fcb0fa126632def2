// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.

export const expectations = `set -e
fail() { echo "The check failed: $1"; exit 1; }
[ "$(id -u)" = 0 ] || fail "the login user is root"
for program in mount umount fsfreeze setpriv; do
  command -v "$program" >/dev/null || fail "there is $program"
done
[ "$(setpriv --reuid=1000 --regid=1000 --clear-groups id -u)" = 1000 ] || fail "another user can run a command"
{ [ -c /dev/ptmx ] && [ -w /dev/shm ] && [ -d /sys/class ]; } || fail "the usual file systems are mounted"`;
