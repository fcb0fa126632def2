# Cygwin's O_BINARY is not 0: a digest of other input than a terminal has a "*" (coreutils src/digest.c main, output_file).
sha256sum() {
  case $* in *--*) command sha256sum "$@" ;; *) command sha256sum -b "$@" ;; esac
}
# Cygwin's directories have names of Windows, too: cd C:/src.
cd() {
  case ${*: -1} in
    [A-Za-z]:*) builtin cd "$(/usr/local/bin/cygpath -u "${*: -1}")" ;;
    *) builtin cd "$@" ;;
  esac
}
