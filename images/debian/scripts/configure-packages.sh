# Configures the packages that were only unpacked: their maintainer scripts run in the guest.
set -e
sudo -n env DEBIAN_FRONTEND=noninteractive dpkg --configure --pending 2>&1
sudo -n ldconfig
