# Cygwin's directories have names of Windows, too: cd C:/src.
cd() {
  case ${*: -1} in
    [A-Za-z]:*) builtin cd "$(/usr/local/bin/cygpath -u "${*: -1}")" ;;
    *) builtin cd "$@" ;;
  esac
}
