import { killStrayProcesses, freeze, reap } from "./scripts.ts";

/** The shell of our images' boot: static, so that no package that a step installs changes it. */
const busybox = "/usr/local/lib/obuilder/busybox";

/**
 * What is read once at the boot or at the login, and by what else a boot becomes another: where one of these has changed,
 * the next step gets a boot of its own. Programs, and what each program or shell reads anew when it starts (profiles,
 * libraries, name servers), need not be here.
 */
const files = [
  "/boot",
  ...["environment", "fstab", "group", "gshadow", "hostname", "hosts.allow", "hosts.deny", "inittab"],
  ...["modprobe.d", "modules", "modules-load.d", "nologin", "nsswitch.conf", "pam.conf", "pam.d", "passwd"],
  ...["security", "shadow", "shells", "ssh", "sudo.conf", "sudoers", "sudoers.d", "sysctl.conf", "sysctl.d"],
  "/usr/local/lib/obuilder",
].map((name) => (name.startsWith("/") ? name : `/etc/${name}`));

/** What the kernel tells of itself, as far as a step can change it. */
const kernel = [
  ...["cgroups", "keys", "modules", "partitions", "self/mountinfo", "stat", "swaps"].map(
    (name) => `/proc/${name}`,
  ),
  ...["fib_trie", "if_inet6", "route"].map((name) => `/proc/net/${name}`),
  ...["msg", "sem", "shm"].map((name) => `/proc/sysvipc/${name}`),
  ...["address", "flags", "mtu"].map((name) => `/sys/class/net/*/${name}`),
  "/sys/devices/system/cpu/online",
  "/sys/kernel/mm/transparent_hugepage/enabled",
];

/**
 * `report` prints what a boot makes, and by what the next boot would be another; `linux-note.ts` reads it. Takes from its
 * caller
 * - `settings`: the files of /proc/sys, and `digest`: that of what they said, if it was noted;
 * - `programs`: the maps of the boot's processes; `home`: the login user's directory;
 * - `places`: the mounts in memory; `queues`: that of the message queues, if there is one.
 *
 * Needs busybox' applets. Each costs milliseconds under emulation: there are few, and nothing is sorted or sifted here. Of
 * those that read many small files and say which, grep goes on where one cannot be read.
 */
const collectBaseline = `
report() {
  # Nearly a thousand files: read beside all else.
  report_settings &
  rest=$(report_rest)
  wait
  printf '%s\\n' "$rest"
} 2>/dev/null
# What they are takes more time to be sent than to be read.
report_settings() {
  cd /proc/sys
  if [ -n "$digest" ]; then
    now=$(grep -FHs '' $settings | md5sum)
    if [ "\${now%% *}" = "$digest" ]; then echo "settings as noted" && return; fi
  fi
  grep -FHs '' $settings | sed 's,^,/proc/sys/,'
}
report_rest() {
  grep -FHs '' ${kernel.join(" ")}
  above=\${home%/*}
  find / "\${above:-/}" "$home" "$home/.ssh" $places /dev ${files.join(" ")} -xdev \\
    \\( \\( -path / -o -path "$above" -o -path "$home" \\) -prune -o ! -path '/dev/input*' \\) \\
    -exec stat -c 'stat: %f %u %g %t:%T %s %i %Y %Z %n' {} +
  ip rule
  grep -lF ' (deleted)' $programs
  if [ -n "$queues" ]; then
    for queue in "$queues"/*; do echo "queue: \${queue##*/}"; done
  elif mount -t mqueue queues /dev/shm; then
    for queue in /dev/shm/*; do echo "queue: \${queue##*/}"; done
    umount /dev/shm
  fi
  read -r uptime _ </proc/uptime
  echo "clock: $((\${EPOCHSECONDS:-$(date +%s)} - \${uptime%.*}))"
}`;

/**
 * As root. Arguments: the script of the boot's shell, the login user, and the maps of the boot's processes. A guest can go
 * on to the next step without a boot if its boot does nothing to the disk, and all that it does elsewhere is known: that is
 * so where our images' init has started it.
 */
export const captureBaseline = `
init=$(readlink /proc/1/exe)
[ "$init" = ${busybox} ] || { echo "no: its init is \${init:-unknown}"; exit 0; }
script=$1
shift
exec ${busybox} sh -c "$script" obuilder "$@"`;
export const captureInBootShell = `${collectBaseline}
programs=$2 places= queues= home= digest=
while read -r _ _ _ _ place _ rest; do
  case " $rest" in
    *' - tmpfs '* | *' - ramfs '*) places="$places $place" ;;
    *' - mqueue '*) queues=$place ;;
  esac
done </proc/self/mountinfo
while IFS=: read -r name _ _ _ _ path _; do
  [ "$name" != "$1" ] || home=$path
done </etc/passwd
settings=$(cd /proc/sys && find * -type f)
echo "settings:" $settings
echo "home: $home"
report`;

/** As root. Arguments: the script of the boot's shell, and its arguments. */
export const resetAndFlush = `
script=$1
shift
exec ${busybox} sh -c "$script" obuilder "$@"`;

/**
 * Arguments: the baseline; the ids of the noted mounts, and the devices of these; what `report` takes: the mounts in memory,
 * that of the message queues, the login user's directory, the files of /proc/sys, their digest, and the maps of the boot's
 * processes; and all paths that were in memory, a line each. Ends what the step has left running, takes away its mounts and its files
 * in memory, and reports; then as `flush`. A mount of another disk is left alone, and so reported: taking it away would
 * write to it.
 */
export const resetInBootShell = `${killStrayProcesses}${reap}${collectBaseline}
ids=" $2 " devices=" $3 " places=$4 queues=$5 home=$6 settings=$7 digest=$8 programs=$9 kept=\${10} newline='
'
undo_mounts() {
  rounds=0
  while [ $rounds -lt 3 ]; do
    new=
    while IFS= read -r line; do
      case $ids in *" \${line%% *} "*) ;; *) new="$line$newline$new" ;; esac
    done </proc/self/mountinfo
    [ -n "$new" ] || return
    printf '%s' "$new" | while read -r _ _ device _ place rest; do
      type=\${rest#* - } type=\${type%% *}
      case $type in
        tmpfs | ramfs | proc | sysfs | devpts | devtmpfs) ;;
        *) case $devices in *" $device "*) ;; *) continue ;; esac ;;
      esac
      umount "$(printf '%b' "$place")"
    done
    rounds=$((rounds + 1))
  done
}
empty_memory() {
  set -f
  IFS=$newline
  set --
  for path in $kept; do set -- "$@" ! -path "$path"; done
  unset IFS
  set +f
  [ -n "$(find $places -xdev -mindepth 1 "$@")" ] || return
  # Never "rm -r": it would go on into a mount that could not be taken away.
  find $places -xdev -mindepth 1 ! -type d "$@" -exec rm -f {} +
  find $places -xdev -mindepth 1 -depth -type d "$@" -exec rmdir {} +
}
end_leftovers "$1"
[ "$rounds" = 0 ] || reap
[ -z "$left" ] || echo "left running:$left"
{ undo_mounts; empty_memory; } 2>/dev/null
report
${freeze}`;

/** As root, in a guest that was stopped while its root was frozen. Argument: the time, in seconds since 1970. */
export const thaw = `
now=$(date -u -s "@$1" +%s 2>/dev/null) || now=$(date -u -s "@\${1%.*}" +%s) || exit 125
fsfreeze --unfreeze / || exit 125
read -r uptime _ </proc/uptime
echo "clock: $((now - \${uptime%.*}))"`;
