# Checks what builds on a Debian image require, in addition to the checks of every image.
# @USER@ is the login user, @PACKAGES@ the additional packages.
set -e
. ./lib/fail.sh
[ "$(id -un):$(id -u)" = @USER@:1000 ] || fail "the login user is @USER@, with uid 1000"
[ "$SHELL" = /bin/bash ] || fail "the login shell is bash"
for program in mke2fs mount umount fsfreeze setpriv e2fsck; do
  sudo -n sh -c "command -v $program" >/dev/null || fail "there is $program on root's PATH"
done
[ -z "$(dpkg --audit)" ] || fail "all packages are configured"
{ [ -c /dev/ptmx ] && [ -w /dev/shm ] && [ -d /sys/class ]; } || fail "the usual file systems are mounted"
[ -c /dev/hwrng ] || fail "the machine's random generator is in use"
echo ok | awk '{ print }' >/dev/null || fail "there is an awk"
grep -q '^nameserver 10.0.2.3' /etc/resolv.conf || fail "the name server is QEMU's"
# shellcheck disable=SC2043
for package in @PACKAGES@; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package")" = installed ] || fail "the package $package is there"
done
