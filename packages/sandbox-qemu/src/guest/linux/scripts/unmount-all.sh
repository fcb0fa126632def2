# As root. Arguments: the initial processes, the number of secrets, their targets, then the caches' targets, all in
# reverse.
. ../../posix/scripts/fail.sh
. ./lib/kill-stray-processes.sh
. ../../posix/scripts/lib/unmount.sh
. ./lib/reap.sh
kill_stray_processes "$1"
[ "$rounds" = 0 ] || reap
. ../../posix/scripts/lib/remove-secret-parents.sh
index=$2 memory=/run/obuilder
shift 2
while [ "$index" -gt 0 ]; do
  index=$((index - 1))
  target=$1
  shift
  unmount "$target" || fail "cannot take the secret away from $target"
  if [ -e "$memory/made-$index" ]; then
    read -r parents <"$memory/made-$index"
    rm -f -- "$target"
    remove_secret_parents
  fi
done
if [ -e "$memory/mounted" ]; then unmount "$memory" && rmdir "$memory" || exit 125; fi
for target; do
  unmount "$target" || fail "the cache at $target is still in use"
done
