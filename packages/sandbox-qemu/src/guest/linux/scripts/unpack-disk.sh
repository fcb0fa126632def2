# As root. Argument: the serial number of the disk that is the archive. Standard input: the directories that it names. It is
# read in large pieces: a disk takes its own time for each request, however small. The guest needs a moment to see a disk that
# has just been attached.
tar=tar
. ../../posix/scripts/lib/unpack-start.sh
[ "$gnu" = 0 ] || keep="$keep -b 2048"
tries=0 device=
until [ -n "$device" ]; do
  for entry in /sys/block/*/serial; do
    found=
    { read -r found <"$entry"; } 2>/dev/null
    [ "$found" = "$1" ] || continue
    name=${entry%/serial}
    [ ! -b "/dev/${name##*/}" ] || device=/dev/${name##*/}
  done
  [ -z "$device" ] || break
  tries=$((tries + 1))
  [ $tries -le 100 ] || exit 124
  sleep 0.05
done
keep_directories
# shellcheck disable=SC2086
"$tar" -x $keep ${attributes:+--xattrs "--xattrs-include=*"} -f "$device" -C /
unpacked $?
