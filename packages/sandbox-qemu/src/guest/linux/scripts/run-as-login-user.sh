# Arguments: mode, command, directory, then NAME=VALUEs and, in mode exec, the shell's arguments.
. ../../posix/scripts/fail.sh
. ../../posix/scripts/make-directories.sh
mode=$1 command=$2 directory=$3 shell=$SHELL
shift 3
cd -- "$directory" 2>/dev/null || {
  (
    uid=$(id -u) gid=$(id -g)
    make_directories "$directory" 2>/dev/null ||
      sudo -n -- /bin/sh -c '@../../posix/scripts/lib/make-directories-as-root.sh@' sh "$directory" "$uid" "$gid"
  )
  cd -- "$directory" || fail "cannot enter $directory"
}
case $mode in
  login) set -- "$@" "${shell:-/bin/sh}" -c "$command" ;;
  file)
    # Other shells than Bourne's have no "." command.
    case ${shell##*/} in
      *csh | fish | rc | es) set -- "$@" "$shell" "$command" ;;
      *) set -- "$@" "${shell:-/bin/sh}" -c ". $command" ;;
    esac
    ;;
  *) set -- "$@" "$command" ;;
esac
unset SSH_CLIENT SSH_CONNECTION SSH_TTY OLDPWD
case $1 in *=*) exec env -- "$@" </dev/null ;; *) exec "$@" </dev/null ;; esac
