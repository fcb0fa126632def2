# As root. Arguments: index, target, and the user. Standard input: the secret. It is in memory and a link leads to it; OpenBSD
# cannot bind a file over another. A kernel without mfs leaves it on the disk, to be overwritten.
. ./lib/start.sh
. ./lib/run-as.sh
index=$1 target=$2 memory=/var/run/obuilder
resolve_user "$3" "$4" "$5"
resolve_groups "$3"
[ -e "$memory/mounted" ] || [ -e "$memory/on-disk" ] || {
  mkdir -p -- "$memory" || exit 125
  # openbsd/src sbin/newfs/newfs.c main, as mount_mfs: 65,536 sectors.
  if mount_mfs -s 65536 -o nodev,nosuid swap "$memory" 2>/dev/null; then
    : >"$memory/mounted"
  else
    : >"$memory/on-disk"
  fi
  chmod 0711 "$memory" || exit 125
}
(umask 077 && cat >"$memory/secret-$index") || exit 125
chown "$uid:$gid" "$memory/secret-$index" && chmod 0400 "$memory/secret-$index" || exit 125
. ../../posix/scripts/lib/make-secret-parents.sh
if [ -e "$target" ] || [ -L "$target" ]; then mv -- "$target" "$target.obuilder-kept" || exit 125; fi
echo $parents >"$memory/made-$index"
ln -s "$memory/secret-$index" "$target"
