# As root. Arguments: the path, then base names to exclude. The contents of a directory are packed from inside of it, so that
# an excluded name cannot match the directory itself. GNU tar exits with 1 where a file has changed while it was read, as logs
# do; other tars that exit with 1 have failed. Its names are bytes in the C locale. Exits with 66 if nothing is at the path.
# $tar: the program. $follow: yes for what a symbolic link at the end of the path leads to; all for every link below it, too.
# shellcheck disable=SC2154
. ./fail.sh
path=$1
shift
flag=
if [ -d "$path" ] && { [ "$follow" != no ] || [ ! -L "$path" ]; }; then
  cd -- "$path" || fail "cannot enter $path"
  item=.
  if [ "$follow" = all ]; then
    flag=-h
    # Through a link to a directory around it tar would pack the same files again and again.
    loops=$(find -L . -xdev 2>&1 >/dev/null) || fail "$loops"
  fi
elif [ -e "$path" ] || { [ "$follow" = no ] && [ -L "$path" ]; }; then
  cd -- "${path%/*}/" || fail "cannot enter ${path%/*}/"
  item=./${path##*/}
  # Of a directory it would follow every link in it.
  if [ "$follow" != no ]; then flag=-h; fi
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
  # Times have whole seconds, so that few entries need an extended header.
  if "$tar" --xattrs --version >/dev/null 2>&1; then
    set -- --format=posix --pax-option=delete=atime,delete=ctime,delete=mtime --xattrs "--xattrs-include=*" "$@"
  else
    set -- --format=gnu "$@"
  fi
fi
# shellcheck disable=SC2086
LC_ALL=C "$tar" "$@" -cf - $flag "$item"
status=$?
[ $status -le $gnu ] || exit $status
