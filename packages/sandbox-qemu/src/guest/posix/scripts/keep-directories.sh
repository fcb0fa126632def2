# tar gives each directory that an archive names the archive's owner, mode and time, and GNU's --no-overwrite-dir keeps two
# of these only. So keep_directories reads from standard input which ones an archive names, not a byte more, refuses one around
# the destination that is something else, and has tar record those that exist, the root too: of a link to a directory, the
# directory. A link in a destination that is not trusted may stand for a directory below it only. "unpacked STATUS" ends the
# script with that status, and if it is 0 everything is as recorded. Sets $attributes to yes if tar is to set extended
# attributes; exits with 123 for files with holes that it cannot unpack.
# $tar: the program.
#
# `read` reads a pipe or socket byte by byte (openbsd/src bin/ksh/c_sh.c c_read, can_seek), and `%b` takes \0 and three digits
# (usr.bin/printf/printf.c print_escape_str).
# shellcheck disable=SC2154,SC2034
case $("$tar" --version 2>/dev/null) in *GNU*) gnu=1 noting='--format=posix --no-unquote' ;; *) gnu=0 noting= ;; esac
keep_directories() {
  for kept in /dev/shm /run /var/run /tmp; do [ ! -d "$kept" ] || break; done
  kept=$kept/obuilder-copy-$$ notes=0 missing=
  IFS= read -r features
  attributes=
  case $features in *sparse*) [ "$gnu" = 1 ] || exit 123 ;; esac
  case $features in
    *xattrs*)
      if "$tar" --xattrs --version >/dev/null 2>&1; then attributes=yes
      else echo "obuilder: the tar of the guest cannot set extended attributes: they are left out" >&2; fi
      ;;
  esac
  set -- ./
  while IFS= read -r name && [ -n "$name" ]; do
    case $name in *\\*) name=$(printf '%bx' "$name") name=${name%x} ;; esac
    case $name in
      ///*)
        named=${name#///} bounds=/$named
        ! cd -P -- "$bounds" 2>/dev/null || bounds=$PWD
        bounds=${bounds%/}
        continue
        ;;
      //*) at=${name#//} bounded=yes ;;
      *) at=${name#/} bounded= ;;
    esac
    case $at/ in "$missing"/*) continue ;; esac
    if cd -P -- "/$at" 2>/dev/null; then
      [ -z "$bounded" ] || [ -z "$bounds" ] || [ "$PWD" = "$bounds${at#"$named"}" ] || check_link
      set -- "$@" ".$PWD"
      [ $# -lt 100 ] || { record_directories "$@"; set --; }
    else
      case $name in
        //*) ;;
        /*) if [ -e "$name" ] || [ -L "$name" ]; then fail "$name is not a directory"; fi ;;
      esac
      missing=$at
    fi
  done
  cd / || exit 125
  [ $# = 0 ] || record_directories "$@"
}
# The same directory by two names could let a link of the archive take the place of a directory that it has.
check_link() {
  case $PWD/ in "$bounds"/*) ;; *) fail "/$at is a link out of the destination /$named, to $PWD" ;; esac
  case $features in *links*) fail "/$at is a link, and the copy has links and a directory there" ;; esac
}
record_directories() {
  rm -rf -- "$kept-$notes"
  # shellcheck disable=SC2086
  (umask 077 && exec "$tar" $noting --no-recursion -C / -cf "$kept-$notes" "$@" 2>/dev/null)
  [ $? -le $gnu ] || fail "the guest's tar cannot record what its directories are like"
  notes=$((notes + 1))
}
unpacked() {
  status=$1
  while [ "$notes" -gt 0 ]; do
    notes=$((notes - 1))
    [ "$status" != 0 ] || "$tar" -C / -xf "$kept-$notes" || status=$?
    rm -f -- "$kept-$notes"
  done
  exit "$status"
}
