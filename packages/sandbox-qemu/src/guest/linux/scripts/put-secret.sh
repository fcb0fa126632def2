# As root. Arguments: index, target, and the user. Standard input: the secret. It is bound over its target, so that the disk has
# at most an empty file; what was made for it is recorded and removed again.
. ../../posix/scripts/fail.sh
. ./lib/run-as.sh
. ./lib/use-memory.sh
index=$1 target=$2
resolve_user "$3" "$4" "$5"
resolve_groups "$3"
(umask 077 && cat >"$memory/secret-$index") || exit 125
chown "$uid:$gid" "$memory/secret-$index" && chmod 0400 "$memory/secret-$index" || exit 125
. ../../posix/scripts/lib/make-secret-parents.sh
if [ ! -e "$target" ]; then
  : >"$target" || exit 125
  echo $parents >"$memory/made-$index"
fi
mount --bind "$memory/secret-$index" "$target"
