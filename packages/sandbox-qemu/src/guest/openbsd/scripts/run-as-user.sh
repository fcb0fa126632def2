# As root. Arguments: kind, value and gid of the user, then as for run-as-login-user.sh.
# shellcheck disable=SC2154
. ./lib/start.sh
. ./lib/run-as.sh
. ../../posix/scripts/make-directories.sh
resolve_user "$1" "$2" "$3"
resolve_groups "$1"
. ../../posix/scripts/lib/run-start.sh
. ../../posix/scripts/lib/session-environment.sh
# openbsd/src usr.bin/env/env.c main: 126 or 127 if the program cannot be run.
exec perl -e "$become" "$uid" "$gid" "$groups" env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin:/usr/X11R6/bin:/usr/local/bin:/usr/local/sbin \
  HOME="$home" USER="$name" LOGNAME="$name" SHELL="$shell" "$@" </dev/null
