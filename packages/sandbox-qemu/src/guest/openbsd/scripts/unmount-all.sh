# As root. Arguments: the initial processes, the number of secrets, their targets, then the caches' targets, all in
# reverse.
. ./lib/start.sh
. ./lib/kill-stray-processes.sh
. ../../posix/scripts/lib/unmount.sh
kill_stray_processes "$1"
. ../../posix/scripts/lib/remove-secret-parents.sh
index=$2 memory=/var/run/obuilder
shift 2
while [ "$index" -gt 0 ]; do
  index=$((index - 1))
  target=$1
  shift
  rm -f -- "$target" || exit 125
  if [ -e "$target.obuilder-kept" ] || [ -L "$target.obuilder-kept" ]; then
    mv -- "$target.obuilder-kept" "$target" || exit 125
  fi
  read -r parents <"$memory/made-$index"
  remove_secret_parents
  if [ -e "$memory/on-disk" ]; then
    secret=$memory/secret-$index
    # openbsd/src bin/dd/dd.c 1.16 setup: notrunc overwrites the same blocks; a size of 0 copies nothing.
    set -- "$(wc -c <"$secret")" "$@"
    dd if=/dev/zero of="$secret" bs=512 count=$((($1 + 511) / 512)) conv=notrunc 2>/dev/null || exit 125
    shift
  fi
done
if [ -e "$memory/mounted" ]; then unmount "$memory" && rmdir "$memory" || exit 125; fi
if [ -e "$memory/on-disk" ]; then sync; rm -rf "$memory" || exit 125; fi
for target; do
  unmount "$target" || fail "the cache at $target is still in use"
done
