# As root. Arguments: kind, value and gid of the user, then as for run-as-login-user.sh.
# shellcheck disable=SC2154
. ../../posix/scripts/fail.sh
. ./lib/run-as.sh
. ../../posix/scripts/make-directories.sh
resolve_user "$1" "$2" "$3"
resolve_groups "$1"
. ../../posix/scripts/lib/run-start.sh
. ../../posix/scripts/lib/session-environment.sh
exec setpriv --reuid="$uid" --regid="$gid" $groups \
  env -i PATH="$PATH" HOME="$home" USER="$name" LOGNAME="$name" SHELL="$shell" "$@" </dev/null
