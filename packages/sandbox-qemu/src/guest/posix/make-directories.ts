/**
 * For a shell of Bourne's family. `make_directories PATH` makes what is missing of an absolute path: each directory that
 * it makes has mode 755, whatever the umask is, and belongs to `$uid` and `$gid`. It has no single quotes in it.
 */
export const makeDirectories = `
make_directories() {
  way= rest=\${1#/}/
  while [ -n "$rest" ]; do
    way=$way/\${rest%%/*} rest=\${rest#*/}
    [ -d "$way" ] || { mkdir -m 0755 -- "$way" && chown "$uid:$gid" "$way"; } || return
  done
}`;

/** The same by a superuser's shell of its own. Arguments: the path, uid and gid. */
export const makeDirectoriesAsRoot = `${makeDirectories}
uid=$2 gid=$3
make_directories "$1"`;
