# The user of the last resolve_user, by perl. A user by id has no supplementary groups, as in a container.
. ../../../posix/scripts/lib/resolve-user.sh
resolve_groups() {
  case $1 in uid) groups=$gid ;; *) groups=$(id -G "$name") ;; esac
}
become='@./become-user.pl@'
run_as() { perl -e "$become" "$uid" "$gid" "$groups" "$@"; }
