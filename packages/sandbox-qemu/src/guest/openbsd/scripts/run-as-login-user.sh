# Arguments: mode, command, directory, then NAME=VALUEs and, in mode exec, the shell's arguments.
. ../../posix/scripts/make-directories.sh
mode=$1 command=$2 directory=$3 shell=$SHELL
shift 3
cd -- "$directory" 2>/dev/null || {
  (
    PATH=/sbin:/usr/sbin:/bin:/usr/bin
    export PATH
    uid=$(id -u) gid=$(id -g)
    make_directories "$directory" 2>/dev/null ||
      doas -n -- /bin/sh -c '@./lib/make-directories-as-root.sh@' sh "$directory" "$uid" "$gid"
  )
  cd -- "$directory" || { printf 'obuilder: cannot enter %s\n' "$directory" >&2; exit 125; }
}
case $mode in
  login) set -- "$@" "${shell:-/bin/sh}" -c "$command" ;;
  *) set -- "$@" "$command" ;;
esac
unset SSH_CLIENT SSH_CONNECTION SSH_TTY OLDPWD
exec env -- "$@" </dev/null
