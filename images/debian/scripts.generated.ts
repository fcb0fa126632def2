// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.

export const configurePackages = `set -e
sudo -n env DEBIAN_FRONTEND=noninteractive dpkg --configure --pending 2>&1
sudo -n ldconfig`;

export const customize = `set -e
chroot "$1" useradd --create-home --uid 1000 --shell /bin/bash @USER@
echo "debconf debconf/frontend select Noninteractive" | chroot "$1" debconf-set-selections
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
kernel=$(apt-cache show --no-all-versions @KERNEL_PACKAGE@ | sed -n 's/^Depends: \\(linux-image-[^ ,]*\\).*/\\1/p')
cd "$1/var/tmp"
apt-get download "$kernel"
mv linux-image-*.deb "$1/@KERNEL_ARCHIVE@"`;

export const expectations = `set -e
fail() { echo "The check failed: $1"; exit 1; }
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
for package in @PACKAGES@; do
  [ "$(dpkg-query -W -f '\${db:Status-Status}' "$package")" = installed ] || fail "the package $package is there"
done`;

export const ocamlExpectations = `fail() { echo "The check failed: $1"; exit 1; }
[ "$(ocamlfind ocamlopt -version)" = @OCAML@ ] || fail "ocamlfind finds OCaml @OCAML@"
opam --version >/dev/null || fail "there is opam"
cd "$(mktemp -d)" && echo 'print_endline "compiled"' >hello.ml
{ ocamlfind ocamlopt -package unix hello.ml -o hello 2>&1 && [ "$(./hello)" = compiled ]; } || fail "OCaml compiles a program"`;

export const systemdExpectations = `fail() { echo "The check failed: $1"; exit 1; }
[ "$(systemctl is-system-running --wait)" = running ] || fail "all units start: $(systemctl list-units --failed --plain --no-legend | cut -d' ' -f1 | tr '\\n' ' ')"
loginctl show-user "$(id -un)" >/dev/null || fail "a login has a session"
grep -Eqx '[0-9a-f]{32}' /etc/machine-id || fail "the machine has an id"`;
