# make_directories PATH makes what is missing of an absolute path: each directory that it makes has mode 755, whatever the
# umask is, and belongs to $uid and $gid. It has no single quotes in it, so that it can stand between them.
# shellcheck disable=SC2154
make_directories() {
  way= rest=${1#/}/
  while [ -n "$rest" ]; do
    way=$way/${rest%%/*} rest=${rest#*/}
    [ -d "$way" ] || { mkdir -m 0755 -- "$way" && chown "$uid:$gid" "$way"; } || return
  done
}
