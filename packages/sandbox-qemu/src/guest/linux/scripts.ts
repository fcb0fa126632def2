import { fail } from "../posix/fail.ts";
import { makeDirectories, makeDirectoriesAsRoot } from "../posix/make-directories.ts";

/**
 * What runs in a Linux guest, for /bin/sh: dash, bash, ksh and busybox alike. The scripts are constants; all that
 * varies comes as arguments.
 */

/** A directory in memory that is never swapped: for secrets, and commands too long for an argument. */
export const memoryDirectory = "/run/obuilder";

/** Printed when all file systems are frozen. */
export const frozenMarker = "obuilder: frozen";

/**
 * As the login user. Prints the serial numbers of disks, by the device or by SCSI's page 0x80, and the machine's SKU number.
 */
export const showIdentity = `
exec cat /sys/block/*/serial /sys/block/*/device/vpd_pg80 /sys/class/dmi/id/product_sku 2>/dev/null`;

/** `account KIND VALUE GID` sets name, uid, gid, home and shell of a user who need not exist if KIND is uid. */
export const resolveUser = String.raw`
account() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3 groups=--clear-groups
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
    groups=--init-groups
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
as_user() { setpriv --reuid="$uid" --regid="$gid" $groups "$@"; }`;

/** Arguments: mode, command, directory, then `NAME=VALUE`s and, in mode `exec`, the shell's words. */
export const runAsLoginUser = `${fail}${makeDirectories}
mode=$1 command=$2 directory=$3 shell=$SHELL
shift 3
cd -- "$directory" 2>/dev/null || {
  (
    uid=$(id -u) gid=$(id -g)
    make_directories "$directory" 2>/dev/null ||
      sudo -n -- /bin/sh -c '${makeDirectoriesAsRoot}' sh "$directory" "$uid" "$gid"
  )
  cd -- "$directory" || fail "cannot enter $directory"
}
case $mode in
  login) set -- "$@" "\${shell:-/bin/sh}" -c "$command" ;;
  *) set -- "$@" "$command" ;;
esac
unset SSH_CLIENT SSH_CONNECTION SSH_TTY OLDPWD
case $1 in *=*) exec env -- "$@" </dev/null ;; *) exec "$@" </dev/null ;; esac`;

/** As root. Arguments: kind, value and gid of the user, then as above. */
export const runAsUser = `${fail}${resolveUser}${makeDirectories}
account "$1" "$2" "$3"
mode=$4 command=$5 directory=$6
shift 6
make_directories "$directory"
cd -- "$directory" || fail "cannot enter $directory"
case $mode in
  login) set -- "$@" "$shell" -c "$command" ;;
  *) set -- "$@" "$command" ;;
esac
exec setpriv --reuid="$uid" --regid="$gid" $groups \
  env -i PATH="$PATH" HOME="$home" USER="$name" LOGNAME="$name" SHELL="$shell" "$@" </dev/null`;

/** As root. Arguments: kind, value and gid of the user, then a program and its words. Standard input is the caller's. */
export const execAsUser = `${fail}${resolveUser}
account "$1" "$2" "$3"
shift 3
cd -- "$home" 2>/dev/null || cd /
[ $# -gt 0 ] || set -- "$shell" -l
exec setpriv --reuid="$uid" --regid="$gid" $groups \
  env -i PATH="$PATH" HOME="$home" USER="$name" LOGNAME="$name" SHELL="$shell" TERM="\${TERM:-dumb}" "$@"`;

/** As root. Prints all processes, and the maps of those that run a program. */
export const listProcesses = `
cd /proc || exit 125
echo "processes:" [0-9]*
programs=
for process in [0-9]*; do
  if [ -e "$process/exe" ]; then programs="$programs /proc/$process/maps"; fi
done
echo "programs:$programs"`;

/** As root. Argument: the time in seconds since 1970. Prints the same, and the clock as a note has it. */
export const setClock = `
date -s "@$1" >/dev/null && read -r uptime _ </proc/uptime || exit 125
${listProcesses}
echo "clock: $((\${1%.*} - \${uptime%.*}))"`;

/**
 * `find_disk SERIAL LETTERS` sets device to a disk's first partition. Its name follows from its bus, and on SATA also
 * from chance; its serial number does not. Only where no disk shows one of ours it is looked for by its place.
 */
const findDisk = `
find_disk() {
  device= ours=
  for entry in "/sys/block/vd$2" "/sys/block/sd$2" /sys/block/*; do
    found=
    if [ -r "$entry/serial" ]; then
      read -r found <"$entry/serial"
    elif [ -r "$entry/device/vpd_pg80" ]; then
      found=$(tail -c +5 "$entry/device/vpd_pg80" | tr -d '\\000 ')
    fi
    case $found in
      "$1") device=/dev/\${entry##*/}1 && return ;;
      obuilder-*) ours=yes ;;
    esac
  done
  [ -z "$ours" ] || return
  for name in vd sd hd; do
    if [ -b "/dev/$name\${2}1" ]; then device=/dev/$name\${2}1 && return; fi
  done
}`;

/**
 * As root. Arguments: the disk's serial number and letters, target, yes or no for formatted, and the user. Reading a
 * cache must not make it larger.
 */
export const mountCache = `${fail}${resolveUser}${findDisk}
serial=$1 letters=$2 target=$3 formatted=$4
account "$5" "$6" "$7"
tries=0
until find_disk "$serial" "$letters" && [ -b "$device" ]; do
  tries=$((tries + 1))
  [ $tries -le 50 ] || fail "the guest does not see the disk $serial"
  sleep 0.1
done
if [ "$formatted" = no ]; then
  command -v mkfs.ext4 >/dev/null || fail "the guest has no mkfs.ext4 to format a new cache with"
  mkfs.ext4 -q -F "$device" >&2 || fail "cannot format $device"
fi
[ -d "$target" ] || as_user mkdir -p -- "$target" 2>/dev/null || mkdir -p -- "$target" || exit 125
mount -o noatime "$device" "$target" 2>/dev/null || {
  e2fsck -y "$device" >&2
  [ $? -le 2 ] || fail "cannot repair the file system of $device"
  mount -o noatime "$device" "$target" || exit 125
}
for entry in "$target"/* "$target"/.[!.]* "$target"/..?*; do
  case $entry in */lost+found) continue ;; esac
  if [ -e "$entry" ] || [ -L "$entry" ]; then exit 0; fi
done
chown "$uid:$gid" "$target"`;

const useMemory = `
memory=${memoryDirectory}
[ -e "$memory/mounted" ] || {
  mkdir -p "$memory" && mount -t ramfs -o mode=0711 ramfs "$memory" && : >"$memory/mounted" || exit 125
}`;

/** As root. Argument: the index. Standard input: the command. */
export const putCommand = `${useMemory}
cat >"$memory/command" && chmod 0444 "$memory/command"`;

/**
 * As root. Arguments: index, target, and the user. Standard input: the secret. It is bound over its target, so
 * that the disk sees at most an empty file; what was made for it is noted and goes again.
 */
export const putSecret = `${fail}${resolveUser}${useMemory}
index=$1 target=$2
account "$3" "$4" "$5"
(umask 077 && cat >"$memory/secret-$index") || exit 125
chown "$uid:$gid" "$memory/secret-$index" && chmod 0400 "$memory/secret-$index" || exit 125
parents=0 parent=\${target%/*}
while [ -n "$parent" ] && [ ! -e "$parent" ]; do
  parents=$((parents + 1)) parent=\${parent%/*}
done
[ $parents = 0 ] || mkdir -p -- "\${target%/*}" || exit 125
[ ! -d "$target" ] || fail "$target is a directory"
if [ ! -e "$target" ]; then
  : >"$target" || exit 125
  echo $parents >"$memory/made-$index"
fi
mount --bind "$memory/secret-$index" "$target"`;

/**
 * `end_leftovers BASELINE` ends every process that is younger than the baseline (process ids with blanks between
 * them), but for this one and its parents. Threads of the kernel and zombies have no program. Sets `left` and `rounds`.
 */
export const killStrayProcesses = `
end_leftovers() {
  keep=" $1 "
  read -r process _ </proc/self/stat
  while [ "$process" -gt 1 ]; do
    case $keep in *" $process "*) break ;; esac
    keep="$keep$process "
    while read -r key value _; do
      [ "$key" = PPid: ] && break
    done <"/proc/$process/status"
    process=$value
  done
  rounds=0
  while [ $rounds -lt 100 ]; do
    left=
    for process in /proc/[0-9]*; do
      process=\${process#/proc/}
      case $keep in *" $process "*) continue ;; esac
      [ -e "/proc/$process/exe" ] && left="$left $process"
    done
    [ -n "$left" ] || return 0
    kill -9 $left 2>/dev/null
    rounds=$((rounds + 1))
    [ $rounds = 1 ] || sleep 0.05
  done
}
unmount() {
  tries=0
  until umount "$1" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -le 20 ] || { umount "$1"; return 1; }
    sleep 0.1
  done
}`;

/** What was ended is there until init has looked for it, which a small one does once a second. */
export const reap = `
reap() {
  tries=0
  while [ $tries -lt 60 ] && grep -qs '^[0-9]* (.*) Z 1 ' /proc/[0-9]*/stat; do
    tries=$((tries + 1))
    sleep 0.05
  done
}`;

/** As root. Argument: the baseline. */
export const endLeftoversNow = `${killStrayProcesses}${reap}
end_leftovers "$1"
[ "$rounds" = 0 ] || reap`;

/** As root. Arguments: baseline, the number of secrets, their targets, then the caches' targets. */
export const unmountAll = `${fail}${endLeftoversNow}
secrets=$2 index=0 memory=${memoryDirectory} status=0
shift 2
while [ $index -lt "$secrets" ]; do
  target=$1
  shift
  unmount "$target" || fail "cannot take the secret away from $target"
  if [ -e "$memory/made-$index" ]; then
    read -r parents <"$memory/made-$index"
    rm -f -- "$target"
    directory=\${target%/*}
    while [ "$parents" -gt 0 ] && rmdir -- "$directory" 2>/dev/null; do
      parents=$((parents - 1)) directory=\${directory%/*}
    done
  fi
  index=$((index + 1))
done
if [ -e "$memory/mounted" ]; then unmount "$memory" && rmdir "$memory" || exit 125; fi
for target; do
  unmount "$target" || fail "the cache at $target is still in use"
done`;

/** Freezes all file systems on disks, the root last, and says so. */
export const freeze = `not_frozen() { sync; exit 0; }
command -v fsfreeze >/dev/null || not_frozen
root= seen=' ' others=
while read -r device directory type options _; do
  case $type in
    zfs | fuse | fuse.* | fuseblk) not_frozen ;;
    tmpfs | ramfs | rootfs) [ "$directory" != / ] || root=memory ;;
  esac
  case $device in /dev/*) ;; *) continue ;; esac
  case ,$options, in *,ro,*) continue ;; esac
  case $seen in *" $device "*) continue ;; esac
  seen="$seen$device "
  if [ "$directory" = / ]; then root=disk; else others="$directory $others"; fi
done </proc/mounts
[ -n "$root" ] || not_frozen
for directory in $others; do
  directory=$(printf '%b' "$directory")
  fsfreeze --freeze "$directory" 2>/dev/null || mount -o remount,ro "$directory" 2>/dev/null || not_frozen
done
if [ "$root" = disk ]; then fsfreeze --freeze / 2>/dev/null || not_frozen; fi
echo '${frozenMarker}'`;

/**
 * As root. Argument: the baseline. Where the file systems cannot be frozen it says nothing: the guest must be switched
 * off.
 */
export const flush = `${killStrayProcesses}
end_leftovers "$1"
${freeze}`;

/**
 * As root. Answers before the guest goes down. Where nothing can tell init to end the guest, the kernel remounts
 * all file systems read-only, which leaves them clean, and switches off.
 */
export const powerOff = `sync
for program in poweroff /sbin/poweroff /usr/sbin/poweroff; do
  command -v "$program" >/dev/null || continue
  (sleep 0.2; "$program") </dev/null >/dev/null 2>&1 &
  exit 0
done
(
  sleep 0.2
  echo u >/proc/sysrq-trigger
  tries=0
  while grep -q '^/dev/[^ ]* / [^ ]* rw' /proc/mounts && [ $tries -lt 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  [ $tries = 100 ] || echo o >/proc/sysrq-trigger
) </dev/null >/dev/null 2>&1 &`;
