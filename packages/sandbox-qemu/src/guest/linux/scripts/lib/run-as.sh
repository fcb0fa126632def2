# The user of the last resolve_user, by util-linux. A user by id has no supplementary groups, as in a container.
. ../../../posix/scripts/lib/resolve-user.sh
resolve_groups() {
  case $1 in uid) groups=--clear-groups ;; *) groups=--init-groups ;; esac
}
run_as() { setpriv --reuid="$uid" --regid="$gid" $groups "$@"; }
