# Arguments: the path, with a drive's letter, and "yes" to archive what a symbolic link at its end leads to, else "no". Windows'
# own tar knows its links and junctions, and writes binary output (libarchive archive_write_open_fd.c). Exits with 66 if nothing is
# at the path.
PATH=/usr/bin:$PATH
path=$(cygpath -u "$1") || exit 125
follow=$2
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
