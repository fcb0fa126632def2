// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.

export const fail = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }`;

export const keepDirectories = `case $("$tar" --version 2>/dev/null) in *GNU*) gnu=1 noting='--format=posix --no-unquote' ;; *) gnu=0 noting= ;; esac
keep_directories() {
  for kept in /dev/shm /run /var/run /tmp; do [ ! -d "$kept" ] || break; done
  kept=$kept/obuilder-copy-$$ notes=0 missing=
  set -- ./
  while IFS= read -r name && [ -n "$name" ]; do
    case $name in *\\\\*) name=$(printf '%bx' "$name") name=\${name%x} ;; esac
    at=\${name#/}
    case $at/ in "$missing"/*) continue ;; esac
    if cd -P -- "/$at" 2>/dev/null; then
      set -- "$@" ".$PWD"
      [ $# -lt 100 ] || { record_directories "$@"; set --; }
    else
      case $name in
        /*) if [ -e "$name" ] || [ -L "$name" ]; then fail "$name is not a directory"; fi ;;
      esac
      missing=$at
    fi
  done
  cd / || exit 125
  [ $# = 0 ] || record_directories "$@"
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
[ $gnu = 0 ] || set -- --format=gnu --one-file-system --no-wildcards "$@"
"$tar" "$@" -cf - $flag "$item"
status=$?
[ $status -le $gnu ] || exit $status`;

export const realTargets = `for path; do
  rest=
  while [ -n "$path" ] && [ ! -d "$path" ]; do rest=/\${path##*/}$rest path=\${path%/*}; done
  path=$(cd -P -- "\${path:-/}" && pwd) || exit 125
  path=\${path%/}$rest
  printf '%s\\n' "\${path:-/}"
done`;

export const unpack = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
case $("$tar" --version 2>/dev/null) in *GNU*) gnu=1 noting='--format=posix --no-unquote' ;; *) gnu=0 noting= ;; esac
keep_directories() {
  for kept in /dev/shm /run /var/run /tmp; do [ ! -d "$kept" ] || break; done
  kept=$kept/obuilder-copy-$$ notes=0 missing=
  set -- ./
  while IFS= read -r name && [ -n "$name" ]; do
    case $name in *\\\\*) name=$(printf '%bx' "$name") name=\${name%x} ;; esac
    at=\${name#/}
    case $at/ in "$missing"/*) continue ;; esac
    if cd -P -- "/$at" 2>/dev/null; then
      set -- "$@" ".$PWD"
      [ $# -lt 100 ] || { record_directories "$@"; set --; }
    else
      case $name in
        /*) if [ -e "$name" ] || [ -L "$name" ]; then fail "$name is not a directory"; fi ;;
      esac
      missing=$at
    fi
  done
  cd / || exit 125
  [ $# = 0 ] || record_directories "$@"
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
"$tar" -x $keep -f - -C /
unpacked $?`;
