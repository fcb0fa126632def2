# Runs on the host after the installation of the packages. Argument: the root directory. @USER@ is the login user.
# The text without comments is part of the images' fingerprint: a change of it makes them outdated.
set -e
chroot "$1" useradd --create-home --uid 1000 --shell /bin/bash @USER@
echo "debconf debconf/frontend select Noninteractive" | chroot "$1" debconf-set-selections
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
kernel=$(apt-cache show --no-all-versions @KERNEL_PACKAGE@ | sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p')
cd "$1/var/tmp"
apt-get download "$kernel"
mv linux-image-*.deb "$1/@KERNEL_ARCHIVE@"
