import { findOwner as findOwnerOf } from "../posix/find-owner.ts";
import { fail } from "../posix/fail.ts";
import { unpackScript, unpackStart } from "../posix/unpack.ts";
import { resolveUser } from "./scripts.ts";
import { exitDeviceMissing } from "../profile.ts";

/** As root. Argument: the name of a user. */
export const findOwner = `${fail}${resolveUser}${findOwnerOf}`;

/** As root. Standard input: as `GuestProfile.unpack`. */
export const unpack = unpackScript("tar");

/**
 * As root. Argument: the serial number of the disk that is the archive. Standard input: what it names. It is read in large
 * pieces: a disk answers each request in its own time, however small. The guest needs a moment to see a disk that has just
 * come.
 */
export const unpackDisk = `${unpackStart("tar")}
[ $gnu = 0 ] || keep="$keep -b 2048"
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
  [ $tries -le 100 ] || exit ${exitDeviceMissing}
  sleep 0.05
done
keep_directories
tar -x $keep -f "$device" -C /
unpacked $?`;
