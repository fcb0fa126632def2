#!/bin/sh
# Builds deploy/Containerfile with buildah, and runs its command in the container. It is run in a mount namespace of its own, so that
# nothing that it mounts is left. $1 is the root directory with buildah; /files below it has the files.
set -eu
root=$1
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t tmpfs tmpfs "$root/run"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# shellcheck disable=SC2016 # The shell in there is to expand it.
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs \
  chroot "$root" /bin/sh -euc '
    cd /files
    # What stands for the base image, which is not to be had without a registry.
    printf "FROM scratch\nADD base.tar /\n" >Containerfile.base
    buildah build --quiet -t docker.io/library/node:24-bookworm-slim -f Containerfile.base .
    buildah build --quiet --pull-never --format docker -t worker -v /files/package.tgz:/package.tgz:ro \
      --build-arg OBUILDER=/package.tgz -f deploy/Containerfile .
    container=$(buildah from --pull-never localhost/worker)
    buildah run "$container" -- obuilder --version
    buildah run "$container" -- obuilder doctor
    buildah inspect --type image --format "{{.Docker.Config.Healthcheck}}" localhost/worker
  '
