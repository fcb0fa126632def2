# Arguments: kind, value and gid of a user, mode, command, directory, then NAME=VALUEs and, in mode exec, the shell's arguments.
# Enters the directory; the program and its arguments become the script's own.
mode=$4 command=$5 directory=$6
shift 6
make_directories "$directory"
cd -- "$directory" || fail "cannot enter $directory"
case $mode in
  login) set -- "$@" "$shell" -c "$command" ;;
  file)
    # Other shells than Bourne's have no "." command.
    case ${shell##*/} in
      *csh | fish | rc | es) set -- "$@" "$shell" "$command" ;;
      *) set -- "$@" "$shell" -c ". $command" ;;
    esac
    ;;
  *) set -- "$@" "$command" ;;
esac
