import { fail } from "../posix/fail.ts";
import { findOwner as findOwnerOf } from "../posix/find-owner.ts";
import { makeDirectories, makeDirectoriesAsRoot } from "../posix/make-directories.ts";
import { unpackScript } from "../posix/unpack.ts";

/**
 * What runs in an OpenBSD guest, for its /bin/sh (a ksh). The scripts are constants; all that varies comes as
 * arguments. sshd gives no session a PATH with /sbin, and doas keeps what it finds: each script sets its own.
 */

/** A file system in memory while a step has secrets. OpenBSD has no /run. */
export const memoryDirectory = "/var/run/obuilder";

const start = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
${fail}`;

/** What a new login finds on OpenBSD. */
const userPath = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/X11R6/bin:/usr/local/bin:/usr/local/sbin";

/**
 * doas takes only users who have an account; perl is in the base system and takes any. Arguments: uid, gid, all
 * groups, program and its arguments.
 */
const becomeUser = String.raw`my ($uid, $gid, $groups) = splice @ARGV, 0, 3;
$( = $gid; $) = "$gid $groups"; ($<, $>) = ($uid, $uid);
$< == $uid && $> == $uid or die "obuilder: cannot become the user $uid\n";
exec { $ARGV[0] } @ARGV or die "obuilder: $ARGV[0]: $!\n";`;

/** `account KIND VALUE GID` sets name, uid, gid, groups, home and shell of a user who need not exist if KIND is uid. */
const resolveUser = `
account() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3 groups=$3
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
    groups=$(id -G "$name")
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
become='${becomeUser}'
as_user() { perl -e "$become" "$uid" "$gid" "$groups" "$@"; }`;

/** Prints the ids of all processes, which is the baseline of `endLeftovers`. */
export const listProcesses = `${start}
exec ps -ax -o pid=`;

/** Arguments: mode, command, directory, then `NAME=VALUE`s and, in mode `exec`, the shell's words. */
export const runAsLoginUser = `${makeDirectories}
mode=$1 command=$2 directory=$3 shell=$SHELL
shift 3
cd -- "$directory" 2>/dev/null || {
  (
    PATH=/sbin:/usr/sbin:/bin:/usr/bin
    export PATH
    uid=$(id -u) gid=$(id -g)
    make_directories "$directory" 2>/dev/null ||
      doas -n -- /bin/sh -c 'PATH=/sbin:/usr/sbin:/bin:/usr/bin
        export PATH${makeDirectoriesAsRoot}' sh "$directory" "$uid" "$gid"
  )
  cd -- "$directory" || { printf 'obuilder: cannot enter %s\\n' "$directory" >&2; exit 125; }
}
case $mode in
  login) set -- "$@" "\${shell:-/bin/sh}" -c "$command" ;;
  *) set -- "$@" "$command" ;;
esac
unset SSH_CLIENT SSH_CONNECTION SSH_TTY OLDPWD
exec env -- "$@" </dev/null`;

/** As root. Arguments: kind, value and gid of the user, then as above. */
export const runAsUser = `${start}${resolveUser}${makeDirectories}
account "$1" "$2" "$3"
mode=$4 command=$5 directory=$6
shift 6
make_directories "$directory"
cd -- "$directory" || fail "cannot enter $directory"
case $mode in
  login) set -- "$@" "$shell" -c "$command" ;;
  *) set -- "$@" "$command" ;;
esac
exec perl -e "$become" "$uid" "$gid" "$groups" env -i PATH=${userPath} \\
  HOME="$home" USER="$name" LOGNAME="$name" SHELL="$shell" "$@" </dev/null`;

/** As root. Argument: the name of a user. */
export const findOwner = `${start}${resolveUser}${findOwnerOf}`;

/** As root. Standard input: as `GuestProfile.unpack`. Links that stand for directories stay. */
export const unpack = `${start}
command -v gtar >/dev/null || fail "the guest has no gtar: its image needs the package gtar"
${unpackScript("gtar")}`;

/**
 * As root. Arguments: number of the disk, target, yes or no for formatted, and the user. A cache that is lost with its
 * guest is never published: nothing need be written in order before it is unmounted.
 */
export const mountCache = `${start}${resolveUser}
disk=sd$1 target=$2 formatted=$3
account "$4" "$5" "$6"
[ -b "/dev/\${disk}a" ] || (cd /dev && sh MAKEDEV "$disk") || fail "the guest has no device $disk"
said() { "$@" </dev/null 2>&1; }
if [ "$formatted" = no ]; then
  output=$(said fdisk -iy "$disk") || fail "cannot partition $disk: $output"
  output=$(printf 'a a\\n\\n\\n\\nw\\nq\\n' | disklabel -E "$disk" 2>&1) || fail "cannot label $disk: $output"
  output=$(said newfs "/dev/r\${disk}a") || fail "cannot make a file system on $disk: $output"
else
  output=$(said fsck -y "/dev/\${disk}a") || fail "cannot repair the file system of $disk: $output"
fi
[ -d "$target" ] || as_user mkdir -p -- "$target" 2>/dev/null || mkdir -p -- "$target" || exit 125
mount -o async,noatime "/dev/\${disk}a" "$target" || exit 125
for entry in "$target"/* "$target"/.[!.]* "$target"/..?*; do
  case $entry in */lost+found) continue ;; esac
  if [ -e "$entry" ] || [ -L "$entry" ]; then exit 0; fi
done
chown "$uid:$gid" "$target"`;

/**
 * As root. Arguments: index, target, and the user. Standard input: the secret. It lies in memory and a link leads to
 * it; OpenBSD cannot bind a file over another. A kernel without mfs leaves it on the disk, to be overwritten.
 */
export const putSecret = `${start}${resolveUser}
index=$1 target=$2 memory=${memoryDirectory}
account "$3" "$4" "$5"
[ -e "$memory/mounted" ] || [ -e "$memory/on-disk" ] || {
  mkdir -p -- "$memory" || exit 125
  if mount_mfs -s 65536 -o nodev,nosuid swap "$memory" 2>/dev/null; then
    : >"$memory/mounted"
  else
    : >"$memory/on-disk"
  fi
  chmod 0711 "$memory" || exit 125
}
(umask 077 && cat >"$memory/secret-$index") || exit 125
chown "$uid:$gid" "$memory/secret-$index" && chmod 0400 "$memory/secret-$index" || exit 125
parents=0 parent=\${target%/*}
while [ -n "$parent" ] && [ ! -e "$parent" ]; do
  parents=$((parents + 1)) parent=\${parent%/*}
done
[ $parents = 0 ] || mkdir -p -- "\${target%/*}" || exit 125
[ ! -d "$target" ] || fail "$target is a directory"
if [ -e "$target" ] || [ -L "$target" ]; then mv -- "$target" "$target.obuilder-kept" || exit 125; fi
echo $parents >"$memory/made-$index"
ln -s "$memory/secret-$index" "$target"`;

/**
 * `end_leftovers BASELINE` ends every process that is younger than the baseline (process ids with blanks between
 * them), but for this one, its parents and its children.
 */
const killStrayProcesses = `
end_leftovers() {
  keep=" $1 " process=$$
  while [ "$process" -gt 1 ]; do
    keep="$keep$process "
    process=$(($(ps -o ppid= -p "$process")))
  done
  rounds=0
  while [ $rounds -lt 100 ]; do
    left=
    while read -r process parent state name; do
      case $keep in *" $process "*) continue ;; esac
      case $state in Z*) continue ;; esac
      case $name in ps | mount_mfs) continue ;; esac
      [ "$parent" = $$ ] || left="$left $process"
    done <<LIST
$(ps -ax -o pid= -o ppid= -o stat= -o ucomm=)
LIST
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

/** As root. Argument: the baseline. */
export const endLeftoversNow = `${start}${killStrayProcesses}
end_leftovers "$1"`;

/** As root. Arguments: baseline, the number of secrets, their targets, then the caches' targets. */
export const unmountAll = `${start}${killStrayProcesses}
end_leftovers "$1"
secrets=$2 index=0 memory=${memoryDirectory}
shift 2
while [ $index -lt "$secrets" ]; do
  target=$1
  shift
  rm -f -- "$target" || exit 125
  if [ -e "$target.obuilder-kept" ] || [ -L "$target.obuilder-kept" ]; then
    mv -- "$target.obuilder-kept" "$target" || exit 125
  fi
  read -r parents <"$memory/made-$index"
  directory=\${target%/*}
  while [ "$parents" -gt 0 ] && rmdir -- "$directory" 2>/dev/null; do
    parents=$((parents - 1)) directory=\${directory%/*}
  done
  if [ -e "$memory/on-disk" ]; then
    secret=$memory/secret-$index
    set -- "$(wc -c <"$secret")" "$@"
    dd if=/dev/zero of="$secret" bs=512 count=$((($1 + 511) / 512)) conv=notrunc 2>/dev/null || exit 125
    shift
  fi
  index=$((index + 1))
done
if [ -e "$memory/mounted" ]; then unmount "$memory" && rmdir "$memory" || exit 125; fi
if [ -e "$memory/on-disk" ]; then sync; rm -rf "$memory" || exit 125; fi
for target; do
  unmount "$target" || fail "the cache at $target is still in use"
done`;

/** As root. Argument: the baseline. */
export const flush = `${start}${killStrayProcesses}
end_leftovers "$1"
sync
sync`;
