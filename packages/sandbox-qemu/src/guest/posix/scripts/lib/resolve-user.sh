# "resolve_user KIND VALUE GID" sets name, uid, gid, home and shell of a user who need not exist if KIND is uid.
resolve_user() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
