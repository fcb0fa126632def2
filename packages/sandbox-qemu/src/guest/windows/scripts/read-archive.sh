# For Cygwin's bash. Windows' own tar knows its links and junctions. Exits with 66 if nothing is at the path.
# $path: where, from a drive's letter. $follow: yes for what a symbolic link at the end of the path leads to.
# shellcheck disable=SC2154
PATH=/usr/bin:$PATH
path=$(cygpath -u "$path") || exit 125
flag=
if [ -d "$path" ] && { [ "$follow" = yes ] || [ ! -L "$path" ]; }; then
  cd -- "$path" || exit 125
  item=.
elif [ -e "$path" ] || { [ "$follow" = no ] && [ -L "$path" ]; }; then
  cd -- "${path%/*}/" || exit 125
  item=./${path##*/}
  # Of a directory it would follow every link in it.
  if [ "$follow" = yes ]; then flag=-h; fi
else
  exit 66
fi
# shellcheck disable=SC2086
exec "$(cygpath -S)/tar.exe" -cf - $flag "$item"
