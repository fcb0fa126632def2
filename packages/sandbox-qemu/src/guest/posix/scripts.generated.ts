// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.

export const fail = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }`;

export const keepDirectories = `case $("$tar" --version 2>/dev/null) in *GNU*) gnu=1 noting='--format=posix --no-unquote' ;; *) gnu=0 noting= ;; esac
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
    case $name in *\\\\*) name=$(printf '%bx' "$name") name=\${name%x} ;; esac
    case $name in
      ///*)
        named=\${name#///} bounds=/$named
        ! cd -P -- "$bounds" 2>/dev/null || bounds=$PWD
        bounds=\${bounds%/}
        continue
        ;;
      //*) at=\${name#//} bounded=yes ;;
      *) at=\${name#/} bounded= ;;
    esac
    case $at/ in "$missing"/*) continue ;; esac
    if cd -P -- "/$at" 2>/dev/null; then
      [ -z "$bounded" ] || [ -z "$bounds" ] || [ "$PWD" = "$bounds\${at#"$named"}" ] || check_link
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
check_link() {
  case $PWD/ in "$bounds"/*) ;; *) fail "/$at is a link out of the destination /$named, to $PWD" ;; esac
  case $features in *links*) fail "/$at is a link, and the copy has links and a directory there" ;; esac
}
record_directories() {
  rm -rf -- "$kept-$notes"
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
}`;

export const makeDirectories = `make_directories() {
  way= rest=\${1#/}/
  while [ -n "$rest" ]; do
    way=$way/\${rest%%/*} rest=\${rest#*/}
    [ -d "$way" ] || { mkdir -m 0755 -- "$way" && chown "$uid:$gid" "$way"; } || return
  done
}`;

export const readArchive = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
path=$1
shift
flag=
if [ -d "$path" ] && { [ "$follow" = yes ] || [ ! -L "$path" ]; }; then
  cd -- "$path" || fail "cannot enter $path"
  item=.
elif [ -e "$path" ] || { [ "$follow" = no ] && [ -L "$path" ]; }; then
  cd -- "\${path%/*}/" || fail "cannot enter \${path%/*}/"
  item=./\${path##*/}
  if [ "$follow" = yes ]; then flag=-h; fi
  set --
else
  exit 66
fi
case $("$tar" --version 2>/dev/null) in
  *GNU*) gnu=1 ;;
  *) gnu=0 ;;
esac
for name; do
  [ $gnu = 0 ] || set -- "$@" "--exclude=$name"
  shift
done
if [ $gnu = 0 ]; then
  echo "not GNU tar: extended attributes are not copied, and holes in files are filled" >&2
else
  set -- --sparse --one-file-system --no-wildcards "$@"
  if "$tar" --xattrs --version >/dev/null 2>&1; then
    set -- --format=posix --pax-option=delete=atime,delete=ctime,delete=mtime --xattrs "--xattrs-include=*" "$@"
  else
    set -- --format=gnu "$@"
  fi
fi
LC_ALL=C "$tar" "$@" -cf - $flag "$item"
status=$?
[ $status -le $gnu ] || exit $status`;

export const unpack = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
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
    case $name in *\\\\*) name=$(printf '%bx' "$name") name=\${name%x} ;; esac
    case $name in
      ///*)
        named=\${name#///} bounds=/$named
        ! cd -P -- "$bounds" 2>/dev/null || bounds=$PWD
        bounds=\${bounds%/}
        continue
        ;;
      //*) at=\${name#//} bounded=yes ;;
      *) at=\${name#/} bounded= ;;
    esac
    case $at/ in "$missing"/*) continue ;; esac
    if cd -P -- "/$at" 2>/dev/null; then
      [ -z "$bounded" ] || [ -z "$bounds" ] || [ "$PWD" = "$bounds\${at#"$named"}" ] || check_link
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
check_link() {
  case $PWD/ in "$bounds"/*) ;; *) fail "/$at is a link out of the destination /$named, to $PWD" ;; esac
  case $features in *links*) fail "/$at is a link, and the copy has links and a directory there" ;; esac
}
record_directories() {
  rm -rf -- "$kept-$notes"
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
keep=
[ $gnu = 0 ] || keep=--keep-directory-symlink
keep_directories
"$tar" -x $keep \${attributes:+--xattrs "--xattrs-include=*"} -f - -C /
unpacked $?`;
