import { diskNotSeen } from "./profile.ts";

/**
 * As root. Argument: the serial number of the disk that is the archive. It is read in large pieces: a disk answers each
 * request in its own time, however small. The guest needs a moment to see a disk that has just come.
 */
export const unpackDisk = `
case $(tar --version 2>/dev/null) in *GNU*) options='--keep-directory-symlink -b 2048' ;; *) options= ;; esac
tries=0 device=
until [ -n "$device" ]; do
  for entry in /sys/block/*/serial; do
    found=
    { read -r found <"$entry"; } 2>/dev/null
    [ "$found" = "$1" ] || continue
    name=\${entry%/serial}
    [ ! -b "/dev/\${name##*/}" ] || device=/dev/\${name##*/}
  done
  [ -z "$device" ] || break
  tries=$((tries + 1))
  [ $tries -le 100 ] || exit ${diskNotSeen}
  sleep 0.05
done
exec tar -x $options -f "$device" -C /`;
