# Arguments: the path, with a drive's letter, and "yes" to archive what a symbolic link at its end leads to, "all" for every link below it, too, else "no". Windows'
# own tar knows its links and junctions, and writes binary output (libarchive archive_write_open_fd.c). Exits with 66 if nothing is
# at the path.
PATH=/usr/bin:$PATH
path=$(cygpath -u "$1") || exit 125
follow=$2
flag=
if [ -d "$path" ] && { [ "$follow" != no ] || [ ! -L "$path" ]; }; then
  cd -- "$path" || exit 125
  item=.
  if [ "$follow" = all ]; then
    flag=-h
    # Through a link to a directory around it tar would pack the same files again and again.
    find -L . -xdev >/dev/null || exit 125
  fi
elif [ -e "$path" ] || { [ "$follow" = no ] && [ -L "$path" ]; }; then
  cd -- "${path%/*}/" || exit 125
  item=./${path##*/}
  # Of a directory it would follow every link in it.
  if [ "$follow" != no ]; then flag=-h; fi
else
  exit 66
fi
# shellcheck disable=SC2086
exec "$(cygpath -S)/tar.exe" -cf - $flag "$item"
