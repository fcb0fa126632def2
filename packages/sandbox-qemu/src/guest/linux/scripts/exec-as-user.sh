# As root. Arguments: kind, value and gid of the user, then a program and its arguments. Standard input is the caller's.
# shellcheck disable=SC2154
. ../../posix/scripts/fail.sh
. ./lib/run-as.sh
resolve_user "$1" "$2" "$3"
resolve_groups "$1"
shift 3
cd -- "$home" 2>/dev/null || cd /
[ $# -gt 0 ] || set -- "$shell" -l
. ../../posix/scripts/lib/session-environment.sh
exec setpriv --reuid="$uid" --regid="$gid" $groups \
  env -i PATH="$PATH" HOME="$home" USER="$name" LOGNAME="$name" SHELL="$shell" TERM="${TERM:-dumb}" "$@"
