#!/usr/bin/env bash
# Installs obuilder, and the Debian packages that it needs, for the steps that follow.
set -euo pipefail

missing=()
need() {
  if ! command -v "$1" >/dev/null; then missing+=("$2"); fi
}
need qemu-system-x86_64 qemu-system-x86
need qemu-img qemu-utils
need bwrap bubblewrap
# Older releases have no passt, and obuilder does without it.
if apt-cache show passt >/dev/null 2>&1; then need passt passt; fi
need mke2fs e2fsprogs
need ssh-keygen openssh-client
if [[ -n ${BUILD_IMAGE:-} ]]; then
  need mmdebstrap mmdebstrap
  need sfdisk fdisk
  need grub-mkimage grub-common
  need depmod kmod
  need xz xz-utils
  [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || missing+=(debian-archive-keyring)
  [[ -e /usr/lib/grub/i386-pc/boot.img ]] || missing+=(grub-pc-bin)
  need fakeroot fakeroot
  need newuidmap uidmap
fi
if ((${#missing[@]} > 0)); then
  echo "Installing ${missing[*]}"
  sudo apt-get update -qq
  # Without questions: nobody can answer them.
  sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

# A hosted runner belongs to one job; elsewhere who may use KVM is not ours to decide.
if [[ ${RUNNER_ENVIRONMENT:-} == github-hosted && -e /dev/kvm && ! -w /dev/kvm ]]; then
  sudo chmod 666 /dev/kvm
fi

prefix=$RUNNER_TEMP/obuilder
mkdir -p "$prefix"
packages=("$OBUILDER_PACKAGE")
if (($(node -p 'process.versions.node.split(".")[0]') < 24)); then
  # For obuilder alone: the job keeps its own Node.js.
  packages+=(node@24)
fi
npm install --prefix "$prefix" --no-audit --no-fund --loglevel=error "${packages[@]}"
mkdir -p "$prefix/bin"
cat >"$prefix/bin/obuilder" <<'END'
#!/bin/sh
modules=$(dirname "$0")/../node_modules
if [ -x "$modules/node/bin/node" ]; then PATH=$modules/node/bin:$PATH; fi
exec "$modules/.bin/obuilder" "$@"
END
chmod +x "$prefix/bin/obuilder"
echo "$prefix/bin" >>"$GITHUB_PATH"
"$prefix/bin/obuilder" --version
