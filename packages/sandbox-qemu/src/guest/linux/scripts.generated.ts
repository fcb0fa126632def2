// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.

export const captureBaseline = `boot=/usr/local/lib/obuilder
init=$(readlink /proc/1/exe)
case $init in
  "$boot/busybox") ;;
  /usr/lib/systemd/systemd)
    if [ ! -e "$boot/systemd" ] || [ ! -x "$boot/busybox" ]; then
      echo "no: its systemd is not that of our image recipes" && exit 0
    fi
    ;;
  *) echo "no: its init is \${init:-unknown}"; exit 0 ;;
esac
script=$1
shift
exec "$boot/busybox" sh -c "$script" obuilder "$@"`;

export const captureInBootShell = `show_hardware_clock() {
  if read -r hardware </sys/class/rtc/rtc0/since_epoch; then echo "hardware clock: $((hardware - $1))"; fi
} 2>/dev/null
list_watched() {
  find /sys/module/*/parameters /sys/block/vda/queue /sys/block/vda/bdi/ /sys/fs/ext4/vda1 /sys/kernel/mm -type f -perm -200 ! -name bitmap ! -name max_bytes ! -name min_bytes
  for file in /sys/class/net/*/gro_flush_timeout /sys/class/net/*/ifalias /sys/class/net/*/napi_defer_hard_irqs /sys/class/net/*/netdev_group /sys/class/net/*/proto_down /sys/class/net/*/queues/*/?ps_cpus /sys/class/net/*/threaded /sys/class/net/*/tx_queue_len /sys/class/rtc/*/wakealarm /sys/devices/system/clocksource/*/current_clocksource /sys/devices/system/memory/auto_online_blocks /sys/devices/system/memory/memory*/online /sys/devices/virtual/misc/hw_random/rng_current /sys/devices/virtual/workqueue/cpumask /sys/kernel/profiling /sys/kernel/rcu_expedited /sys/kernel/rcu_normal /sys/kernel/security/lockdown /sys/kernel/tracing/buffer_size_kb /sys/kernel/tracing/current_tracer /sys/kernel/tracing/dynamic_events /sys/kernel/tracing/events/enable /sys/kernel/tracing/set_event_pid /sys/kernel/tracing/set_ftrace_pid /sys/kernel/tracing/trace_clock /sys/kernel/tracing/tracing_cpumask /sys/kernel/tracing/tracing_on; do
    [ ! -e "$file" ] || echo "$file"
  done
  [ ! -e /sys/fs/cgroup/cgroup.controllers ] ||
    find /sys/fs/cgroup -type f -perm -200 ! -name cgroup.procs ! -name cgroup.threads ! -name cgroup.kill ! -name 'c[!g]*.pressure' ! -name '[im]*.pressure' ! -name '*.peak' ! -name memory.reclaim
} 2>/dev/null
read_watched() {
  set -f
  digest_of_watched=$(grep -FHs '' $1 | md5sum)
  set +f
  echo "watched files of the kernel: \${digest_of_watched%% *}"
}
collect_baseline() {
  {
    collect_settings
    collect_files
  } &
  rest=$(
    collect_rest
    read_watched "$watched"
  )
  wait
  printf '%s\\n' "$rest"
  collect_queues
} 2>/dev/null
collect_settings() {
  cd /proc/sys
  if [ -n "$digest" ]; then
    now=$(grep -FHs '' $settings | md5sum)
    if [ "\${now%% *}" = "$digest" ]; then echo "settings: unchanged" && return; fi
  fi
  grep -FHs '' $settings | sed 's,^,/proc/sys/,'
}
collect_files() {
  above=\${home%/*}
  set -- / "\${above:-/}" "$home" "$home/.ssh" $places /dev /boot /etc/default/locale /etc/environment /etc/fstab /etc/group /etc/gshadow /etc/hostname /etc/hosts.allow /etc/hosts.deny /etc/inittab /etc/login.defs /etc/modprobe.d /etc/modules /etc/modules-load.d /etc/nologin /etc/nsswitch.conf /etc/pam.conf /etc/pam.d /etc/passwd /etc/security /etc/shadow /etc/shells /etc/ssh /etc/sudo.conf /etc/sudoers /etc/sudoers.d /etc/sysctl.conf /etc/sysctl.d /usr/bin/sudo /usr/local/lib/obuilder /usr/sbin/sshd
  format='stat: %f %u %g %t:%T %s %i %Y %Z %n'
  if [ -n "$in_memory" ]; then
    stat -c "$format" "$@" $patterns $in_memory
  else
    find "$@" -xdev \\( \\( -path / -o -path "$above" -o -path "$home" \\) -prune -o ! -path "/dev/input*" \\) -exec stat -c "$format" {} +
  fi
}
collect_rest() {
  for maps in $programs; do
    process=\${maps%maps}
    set -- "$@" "\${process}cgroup" "\${process}coredump_filter" "\${process}limits" "\${process}oom_score_adj" "\${process}stat" "\${process}status" "\${process}timerslack_ns"
  done
  grep -FHs '' "$@" /proc/cgroups /proc/key-users /proc/keys /proc/modules /proc/partitions /proc/self/cgroup /proc/self/mountinfo /proc/stat /proc/swaps /proc/net/fib_trie /proc/net/if_inet6 /proc/net/ipv6_route /proc/net/route /proc/sysvipc/msg /proc/sysvipc/sem /proc/sysvipc/shm /sys/class/net/*/address /sys/class/net/*/flags /sys/class/net/*/mtu /sys/devices/system/cpu/online /sys/block/vda/queue/read_ahead_kb /sys/block/vda/queue/scheduler /sys/kernel/kexec_loaded /sys/kernel/mm/ksm/run /sys/kernel/mm/transparent_hugepage/defrag /sys/kernel/mm/transparent_hugepage/enabled /sys/kernel/mm/transparent_hugepage/shmem_enabled /sys/module/printk/parameters/*
  ip rule
  echo "kept:" /sys/fs/bpf/* /sys/kernel/config/*/* /sys/kernel/security/apparmor/policy/profiles/* /sys/kernel/tracing/instances/* /sys/bus/virtio/drivers/virtio_[!b]*/virtio*
  grep -lF ' (deleted)' $programs
  read -r uptime _ </proc/uptime
  now=\${EPOCHSECONDS:-$(date +%s)}
  echo "clock: $((now - \${uptime%.*}))"
  show_hardware_clock "$now"
}
collect_queues() {
  if [ -n "$queues" ]; then
    for queue in "$queues"/*; do echo "queue: \${queue##*/}"; done
  elif mount -t mqueue queues /dev/shm; then
    for queue in /dev/shm/*; do echo "queue: \${queue##*/}"; done
    umount /dev/shm
  fi
}
has_systemd() { [ /proc/1/exe -ef /usr/lib/systemd/systemd ]; }
list_units() {
  timeout 60 "$@" list-units --full --plain --no-legend --no-pager | while read -r unit load active state _; do
    case $unit in *.device | *.mount | *.swap) ;; *) echo "unit$of: $unit $load $active $state" ;; esac
  done
}
show_manager() {
  timeout 60 "$@" show --no-pager | while IFS= read -r line; do
    case $line in
      NNames=* | NFailed* | NInstalledJobs=* | Progress=* | SystemState=* | FinishTimestamp* | *WatchdogLast*) ;;
      *) echo "manager$of: $line" ;;
    esac
  done
}
ask_managers() {
  of=
  show_manager systemctl &
  for socket in /run/user/[0-9]*/systemd/private; do
    place=\${socket%/systemd/private} user=\${socket#/run/user/} user=\${user%%/*} of=" of \${user%%/*}"
    case $user in *[!0-9]*) continue ;; esac
    [ -S "$socket" ] || continue
    set -- env -u DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR="$place" /usr/bin/setpriv --reuid="$user" --regid=65534 --clear-groups systemctl --user
    show_manager "$@" &
    list_units "$@"
  done
  wait
} 2>/dev/null
collect_groups() {
  find /sys/fs/cgroup -type d -exec stat -c 'group: %f %u %g %n' {} +
}
find_settings_at_run_time() {
  for file in /run/systemd/system.control/*/* /run/systemd/user.control/*/* /run/systemd/shutdown/*; do
    [ ! -e "$file" ] || echo "setting at run time: $file"
  done
}
collect_units() {
  printf '%s\\n' "$units" "$given"
  collect_groups
  files=$(find /etc/systemd /etc/udev /etc/tmpfiles.d /etc/sysusers.d /etc/init.d /etc/rc?.d /etc/dbus-1 /etc/polkit-1 /etc/network /etc/netplan /etc/networkd-dispatcher /etc/rsyslog.conf /etc/rsyslog.d /etc/ufw /etc/apparmor.d /etc/chrony /etc/lvm /etc/cloud /etc/crontab /etc/cron.* /etc/default /etc/environment.d /etc/binfmt.d /etc/machine-id /etc/localtime /etc/timezone /etc/adjtime /etc/locale.conf /etc/vconsole.conf /etc/ld.so.preload /usr/lib/systemd /usr/lib/udev /usr/lib/tmpfiles.d /usr/lib/sysusers.d /usr/lib/sysctl.d /usr/lib/modules-load.d /usr/lib/modprobe.d /usr/lib/binfmt.d /usr/lib/environment.d /usr/local/lib/systemd /usr/share/dbus-1 /usr/share/polkit-1 /usr/lib/modules/*/modules.* /usr/bin/systemctl /usr/bin/dbus-daemon /usr/sbin/cron /var/lib/systemd/linger /var/spool/cron "$home/.config/systemd" "$home/.config/environment.d" "$home/.local/share/systemd" "$home/.local/share/dbus-1" \\
    -exec stat -c '%f %u %g %s %i %Y %Z %n' {} + | md5sum)
  echo "files of systemd: \${files%% *}"
} 2>/dev/null
stop_new_units() {
  of= units=$(list_units systemctl) new=
  for unit in $(printf '%s\\n' "$units" | cut -d' ' -f2); do
    case " $2 " in *" $unit "*) ;; *) new="$new $unit" ;; esac
  done
  [ -n "$new" ] || return 0
  {
    timeout 20 systemctl stop -- $new
    timeout 20 systemctl reset-failed -- $new
  } >/dev/null 2>&1
  kill_stray_processes "$1"
  units=$(list_units systemctl)
}
refuse_unknown_services() {
  while IFS= read -r line; do
    case $line in "unit: "*' active '* | "unit of "*': '*' active '*) ;; *) continue ;; esac
    unit=\${line#*: } unit=\${unit%% *}
    case $unit in
      systemd-nspawn@*) ;;
      systemd-*.service | dbus.service | dbus-broker.service | cron.service | ssh.service | getty@*.service | serial-getty@*.service) continue ;;
      user@*.service | user-runtime-dir@*.service | modprobe@*.service | kmod-static-nodes.service | obuilder-*.service) continue ;;
      ifupdown-pre.service | networking.service | ifup@*.service | keyboard-setup.service | console-setup.service | e2scrub_reap.service) continue ;;
      apparmor.service | blk-availability.service | lvm2-monitor.service | finalrd.service | setvtrgb.service | plymouth-*.service) continue ;;
      polkit.service | networkd-dispatcher.service | rsyslog.service | ufw.service | cloud-*.service | chrony.service) continue ;;
      *.service) ;;
      *) continue ;;
    esac
    echo "no: its boot has started $unit, of which it is not known what it keeps"
    return
  done
}
end_udev_workers() {
  udevadm settle --timeout=60 && udevadm control --reload
  tries=0
  while has_udev_locks && [ $((tries += 1)) -le 50 ]; do sleep 0.1; done
}
has_udev_locks() {
  for lock in /run/udev/links/*/.lock; do
    if [ -e "$lock" ]; then return 0; fi
  done
  return 1
}
programs=$2 places= queues= home= digest= in_memory=
while read -r _ _ _ _ place _ rest; do
  case " $rest" in
    *' - tmpfs '* | *' - ramfs '*) places="$places $place" ;;
    *' - mqueue '*) queues=$place ;;
  esac
done </proc/self/mountinfo
while IFS=: read -r name _ _ _ _ path _; do
  [ "$name" != "$1" ] || home=$path
done </etc/passwd
settings=$(cd /proc/sys && find * -xdev -type f)
echo "settings:" $settings
echo "home: $home"
watched=$(list_watched)
set -f
echo "watched:" $watched
set +f
if has_systemd; then
  state=$(timeout 60 systemctl is-system-running --wait)
  case $state in running | degraded) ;; *) echo "no: its systemd is \${state:-unknown}" ;; esac
  end_udev_workers
  tries=0
  until [ "$(systemctl show --property=NJobs --value)" = 0 ] || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
  units=$(list_units systemctl)
  asked=$(ask_managers)
  printf '%s\\n' "$asked"
  printf '%s\\n' "$units" "$asked" | refuse_unknown_services
  given=$(find_settings_at_run_time)
  collect_units
fi
collect_baseline | sed '/^\\/proc\\/[0-9]*\\/status:/{/:Uid:/!{/:Cpus_allowed:/!d;};}'`;

export const execAsUser = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
resolve_user() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
resolve_groups() {
  case $1 in uid) groups=--clear-groups ;; *) groups=--init-groups ;; esac
}
run_as() { setpriv --reuid="$uid" --regid="$gid" $groups "$@"; }
resolve_user "$1" "$2" "$3"
resolve_groups "$1"
shift 3
cd -- "$home" 2>/dev/null || cd /
[ $# -gt 0 ] || set -- "$shell" -l
if [ -f "$home/.ssh/environment" ]; then
  session=$(run_as sed '1!G;h;$!d' "$home/.ssh/environment" </dev/null 2>/dev/null)
  while IFS= read -r variable; do
    case $variable in [A-Za-z_]*=*) set -- "$variable" "$@" ;; esac
  done <<SESSION
$session
SESSION
fi
exec setpriv --reuid="$uid" --regid="$gid" $groups \\
  env -i PATH="$PATH" HOME="$home" USER="$name" LOGNAME="$name" SHELL="$shell" TERM="\${TERM:-dumb}" "$@"`;

export const findOwner = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
resolve_user() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
resolve_groups() {
  case $1 in uid) groups=--clear-groups ;; *) groups=--init-groups ;; esac
}
run_as() { setpriv --reuid="$uid" --regid="$gid" $groups "$@"; }
resolve_user name "$1"
echo "obuilder: the owner is $uid:$gid"`;

export const flush = `runs() {
  for thread in "/proc/$1/exe" "/proc/$1"/task/*/exe; do
    [ ! -e "$thread" ] || return 0
  done
  return 1
}
kill_stray_processes() {
  keep=" $1 "
  while read -r _ _ _ _ place _; do
    case $place in /proc/[0-9]*) umount -l "$place" 2>/dev/null ;; esac
  done </proc/self/mountinfo
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
      runs "$process" && left="$left $process"
    done
    [ -n "$left" ] || return 0
    kill -9 $left 2>/dev/null
    rounds=$((rounds + 1))
    [ $rounds = 1 ] || sleep 0.05
  done
}
kill_stray_processes "$1"
not_frozen() { sync; exit 0; }
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
echo 'obuilder: frozen'`;

export const killStrayProcesses = `runs() {
  for thread in "/proc/$1/exe" "/proc/$1"/task/*/exe; do
    [ ! -e "$thread" ] || return 0
  done
  return 1
}
kill_stray_processes() {
  keep=" $1 "
  while read -r _ _ _ _ place _; do
    case $place in /proc/[0-9]*) umount -l "$place" 2>/dev/null ;; esac
  done </proc/self/mountinfo
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
      runs "$process" && left="$left $process"
    done
    [ -n "$left" ] || return 0
    kill -9 $left 2>/dev/null
    rounds=$((rounds + 1))
    [ $rounds = 1 ] || sleep 0.05
  done
}
reap() {
  tries=0
  while [ $tries -lt 60 ] && grep -qs '^[0-9]* (.*) Z 1 ' /proc/[0-9]*/stat; do
    tries=$((tries + 1))
    sleep 0.05
  done
}
kill_stray_processes "$1"
[ "$rounds" = 0 ] || reap`;

export const listFilesInMemory = `count_turns() {
  turns= counted=' ' quiet= tries=0
  until [ -n "$quiet" ] || [ $((tries += 1)) -gt 100 ]; do
    read -r _ _ _ running _ </proc/loadavg && [ "\${running%%/*}" = 1 ] && quiet=yes
  done
  for manager in 1 /run/user/[0-9]*/systemd/private; do
    user=\${manager#/run/user/} user=\${user%%/*}
    if [ "$manager" = 1 ]; then
      process=1
    else
      [ -S "$manager" ] || continue
      read -r process <"/sys/fs/cgroup/user.slice/user-$user.slice/user@$user.service/init.scope/cgroup.procs" || return 0
    fi
    read -r ran _ times <"/proc/$process/schedstat" && [ "$ran" != 0 ] || return 0
    counted="$counted$process:$times "
  done
  turns=\${counted# } turns=\${turns% }
} 2>/dev/null
grep -FHs '' /proc/self/mountinfo
find "$@" -xdev ! -path '/run/udev/links/*/.lock' -exec stat -c 'stat: %f %u %g %t:%T %s %i %Y %Z %n' {} +
if [ -d /run/systemd/system ]; then count_turns && echo "turns: $turns"; fi`;

export const listProcesses = `show_login_shell() {
  while IFS=: read -r name _ _ _ _ _ shell || [ -n "$name" ]; do
    [ "$name" = "$1" ] || continue
    echo "obuilder: the login shell is \${shell:-/bin/sh}"
    break
  done </etc/passwd
}
show_login_shell "$1"
cd /proc || exit 125
echo "processes:" [0-9]*
programs=
for process in [0-9]*; do
  if [ -e "$process/exe" ]; then programs="$programs /proc/$process/maps"; fi
done
echo "programs:$programs"`;

export const mountCache = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
resolve_user() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
resolve_groups() {
  case $1 in uid) groups=--clear-groups ;; *) groups=--init-groups ;; esac
}
run_as() { setpriv --reuid="$uid" --regid="$gid" $groups "$@"; }
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
}
serial=$1 letters=$2 target=$3 formatted=$4
resolve_user "$5" "$6" "$7"
resolve_groups "$5"
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
[ -d "$target" ] || run_as mkdir -p -- "$target" 2>/dev/null || mkdir -p -- "$target" || exit 125
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

export const putCommand = `memory=/run/obuilder
[ -e "$memory/mounted" ] || {
  mkdir -p "$memory" && mount -t ramfs -o mode=0711 ramfs "$memory" && : >"$memory/mounted" || exit 125
}
cat >"$memory/command" && chmod 0444 "$memory/command"`;

export const putSecret = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
resolve_user() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
resolve_groups() {
  case $1 in uid) groups=--clear-groups ;; *) groups=--init-groups ;; esac
}
run_as() { setpriv --reuid="$uid" --regid="$gid" $groups "$@"; }
memory=/run/obuilder
[ -e "$memory/mounted" ] || {
  mkdir -p "$memory" && mount -t ramfs -o mode=0711 ramfs "$memory" && : >"$memory/mounted" || exit 125
}
index=$1 target=$2
resolve_user "$3" "$4" "$5"
resolve_groups "$3"
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

export const rejectConnections = `busybox=/usr/local/lib/obuilder/busybox
{
  if command -v ip && ip -V; then
    for network; do echo "route add unreachable $network metric 1"; done | ip -force -batch -
  elif [ -x $busybox ]; then
    gateway=
    while read -r _ _ _ _ next _; do
      case $next in *[!0]*) gateway=yes ;; esac
    done </proc/net/ipv6_route
    for network; do
      shift
      case $network in *:*) [ -n "$gateway" ] || continue ;; esac
      set -- "$@" "$network"
    done
    $busybox sh -c 'for network; do ip route add unreachable "$network" metric 1 & done; wait' sh "$@"
  fi
} >/dev/null 2>&1
:`;

export const releaseDisks = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
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
}
while [ $# -gt 0 ]; do
  if ! find_disk "$1" "$2" || [ ! -b "$device" ]; then fail "the guest does not see the disk $1"; fi
  name=\${device#/dev/}
  entry=$(readlink -f "/sys/block/\${name%1}/device")
  echo "\${entry##*/}" >/sys/bus/virtio/drivers/virtio_blk/unbind || fail "the driver does not let go of $device"
  shift 2
done`;

export const resetAndFlush = `script=$1
shift
exec /usr/local/lib/obuilder/busybox sh -c "$script" obuilder "$@"`;

export const resetInBootShell = `runs() {
  for thread in "/proc/$1/exe" "/proc/$1"/task/*/exe; do
    [ ! -e "$thread" ] || return 0
  done
  return 1
}
kill_stray_processes() {
  keep=" $1 "
  while read -r _ _ _ _ place _; do
    case $place in /proc/[0-9]*) umount -l "$place" 2>/dev/null ;; esac
  done </proc/self/mountinfo
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
      runs "$process" && left="$left $process"
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
}
reap() {
  tries=0
  while [ $tries -lt 60 ] && grep -qs '^[0-9]* (.*) Z 1 ' /proc/[0-9]*/stat; do
    tries=$((tries + 1))
    sleep 0.05
  done
}
show_hardware_clock() {
  if read -r hardware </sys/class/rtc/rtc0/since_epoch; then echo "hardware clock: $((hardware - $1))"; fi
} 2>/dev/null
list_watched() {
  find /sys/module/*/parameters /sys/block/vda/queue /sys/block/vda/bdi/ /sys/fs/ext4/vda1 /sys/kernel/mm -type f -perm -200 ! -name bitmap ! -name max_bytes ! -name min_bytes
  for file in /sys/class/net/*/gro_flush_timeout /sys/class/net/*/ifalias /sys/class/net/*/napi_defer_hard_irqs /sys/class/net/*/netdev_group /sys/class/net/*/proto_down /sys/class/net/*/queues/*/?ps_cpus /sys/class/net/*/threaded /sys/class/net/*/tx_queue_len /sys/class/rtc/*/wakealarm /sys/devices/system/clocksource/*/current_clocksource /sys/devices/system/memory/auto_online_blocks /sys/devices/system/memory/memory*/online /sys/devices/virtual/misc/hw_random/rng_current /sys/devices/virtual/workqueue/cpumask /sys/kernel/profiling /sys/kernel/rcu_expedited /sys/kernel/rcu_normal /sys/kernel/security/lockdown /sys/kernel/tracing/buffer_size_kb /sys/kernel/tracing/current_tracer /sys/kernel/tracing/dynamic_events /sys/kernel/tracing/events/enable /sys/kernel/tracing/set_event_pid /sys/kernel/tracing/set_ftrace_pid /sys/kernel/tracing/trace_clock /sys/kernel/tracing/tracing_cpumask /sys/kernel/tracing/tracing_on; do
    [ ! -e "$file" ] || echo "$file"
  done
  [ ! -e /sys/fs/cgroup/cgroup.controllers ] ||
    find /sys/fs/cgroup -type f -perm -200 ! -name cgroup.procs ! -name cgroup.threads ! -name cgroup.kill ! -name 'c[!g]*.pressure' ! -name '[im]*.pressure' ! -name '*.peak' ! -name memory.reclaim
} 2>/dev/null
read_watched() {
  set -f
  digest_of_watched=$(grep -FHs '' $1 | md5sum)
  set +f
  echo "watched files of the kernel: \${digest_of_watched%% *}"
}
collect_baseline() {
  {
    collect_settings
    collect_files
  } &
  rest=$(
    collect_rest
    read_watched "$watched"
  )
  wait
  printf '%s\\n' "$rest"
  collect_queues
} 2>/dev/null
collect_settings() {
  cd /proc/sys
  if [ -n "$digest" ]; then
    now=$(grep -FHs '' $settings | md5sum)
    if [ "\${now%% *}" = "$digest" ]; then echo "settings: unchanged" && return; fi
  fi
  grep -FHs '' $settings | sed 's,^,/proc/sys/,'
}
collect_files() {
  above=\${home%/*}
  set -- / "\${above:-/}" "$home" "$home/.ssh" $places /dev /boot /etc/default/locale /etc/environment /etc/fstab /etc/group /etc/gshadow /etc/hostname /etc/hosts.allow /etc/hosts.deny /etc/inittab /etc/login.defs /etc/modprobe.d /etc/modules /etc/modules-load.d /etc/nologin /etc/nsswitch.conf /etc/pam.conf /etc/pam.d /etc/passwd /etc/security /etc/shadow /etc/shells /etc/ssh /etc/sudo.conf /etc/sudoers /etc/sudoers.d /etc/sysctl.conf /etc/sysctl.d /usr/bin/sudo /usr/local/lib/obuilder /usr/sbin/sshd
  format='stat: %f %u %g %t:%T %s %i %Y %Z %n'
  if [ -n "$in_memory" ]; then
    stat -c "$format" "$@" $patterns $in_memory
  else
    find "$@" -xdev \\( \\( -path / -o -path "$above" -o -path "$home" \\) -prune -o ! -path "/dev/input*" \\) -exec stat -c "$format" {} +
  fi
}
collect_rest() {
  for maps in $programs; do
    process=\${maps%maps}
    set -- "$@" "\${process}cgroup" "\${process}coredump_filter" "\${process}limits" "\${process}oom_score_adj" "\${process}stat" "\${process}status" "\${process}timerslack_ns"
  done
  grep -FHs '' "$@" /proc/cgroups /proc/key-users /proc/keys /proc/modules /proc/partitions /proc/self/cgroup /proc/self/mountinfo /proc/stat /proc/swaps /proc/net/fib_trie /proc/net/if_inet6 /proc/net/ipv6_route /proc/net/route /proc/sysvipc/msg /proc/sysvipc/sem /proc/sysvipc/shm /sys/class/net/*/address /sys/class/net/*/flags /sys/class/net/*/mtu /sys/devices/system/cpu/online /sys/block/vda/queue/read_ahead_kb /sys/block/vda/queue/scheduler /sys/kernel/kexec_loaded /sys/kernel/mm/ksm/run /sys/kernel/mm/transparent_hugepage/defrag /sys/kernel/mm/transparent_hugepage/enabled /sys/kernel/mm/transparent_hugepage/shmem_enabled /sys/module/printk/parameters/*
  ip rule
  echo "kept:" /sys/fs/bpf/* /sys/kernel/config/*/* /sys/kernel/security/apparmor/policy/profiles/* /sys/kernel/tracing/instances/* /sys/bus/virtio/drivers/virtio_[!b]*/virtio*
  grep -lF ' (deleted)' $programs
  read -r uptime _ </proc/uptime
  now=\${EPOCHSECONDS:-$(date +%s)}
  echo "clock: $((now - \${uptime%.*}))"
  show_hardware_clock "$now"
}
collect_queues() {
  if [ -n "$queues" ]; then
    for queue in "$queues"/*; do echo "queue: \${queue##*/}"; done
  elif mount -t mqueue queues /dev/shm; then
    for queue in /dev/shm/*; do echo "queue: \${queue##*/}"; done
    umount /dev/shm
  fi
}
has_systemd() { [ /proc/1/exe -ef /usr/lib/systemd/systemd ]; }
list_units() {
  timeout 60 "$@" list-units --full --plain --no-legend --no-pager | while read -r unit load active state _; do
    case $unit in *.device | *.mount | *.swap) ;; *) echo "unit$of: $unit $load $active $state" ;; esac
  done
}
show_manager() {
  timeout 60 "$@" show --no-pager | while IFS= read -r line; do
    case $line in
      NNames=* | NFailed* | NInstalledJobs=* | Progress=* | SystemState=* | FinishTimestamp* | *WatchdogLast*) ;;
      *) echo "manager$of: $line" ;;
    esac
  done
}
ask_managers() {
  of=
  show_manager systemctl &
  for socket in /run/user/[0-9]*/systemd/private; do
    place=\${socket%/systemd/private} user=\${socket#/run/user/} user=\${user%%/*} of=" of \${user%%/*}"
    case $user in *[!0-9]*) continue ;; esac
    [ -S "$socket" ] || continue
    set -- env -u DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR="$place" /usr/bin/setpriv --reuid="$user" --regid=65534 --clear-groups systemctl --user
    show_manager "$@" &
    list_units "$@"
  done
  wait
} 2>/dev/null
collect_groups() {
  find /sys/fs/cgroup -type d -exec stat -c 'group: %f %u %g %n' {} +
}
find_settings_at_run_time() {
  for file in /run/systemd/system.control/*/* /run/systemd/user.control/*/* /run/systemd/shutdown/*; do
    [ ! -e "$file" ] || echo "setting at run time: $file"
  done
}
collect_units() {
  printf '%s\\n' "$units" "$given"
  collect_groups
  files=$(find /etc/systemd /etc/udev /etc/tmpfiles.d /etc/sysusers.d /etc/init.d /etc/rc?.d /etc/dbus-1 /etc/polkit-1 /etc/network /etc/netplan /etc/networkd-dispatcher /etc/rsyslog.conf /etc/rsyslog.d /etc/ufw /etc/apparmor.d /etc/chrony /etc/lvm /etc/cloud /etc/crontab /etc/cron.* /etc/default /etc/environment.d /etc/binfmt.d /etc/machine-id /etc/localtime /etc/timezone /etc/adjtime /etc/locale.conf /etc/vconsole.conf /etc/ld.so.preload /usr/lib/systemd /usr/lib/udev /usr/lib/tmpfiles.d /usr/lib/sysusers.d /usr/lib/sysctl.d /usr/lib/modules-load.d /usr/lib/modprobe.d /usr/lib/binfmt.d /usr/lib/environment.d /usr/local/lib/systemd /usr/share/dbus-1 /usr/share/polkit-1 /usr/lib/modules/*/modules.* /usr/bin/systemctl /usr/bin/dbus-daemon /usr/sbin/cron /var/lib/systemd/linger /var/spool/cron "$home/.config/systemd" "$home/.config/environment.d" "$home/.local/share/systemd" "$home/.local/share/dbus-1" \\
    -exec stat -c '%f %u %g %s %i %Y %Z %n' {} + | md5sum)
  echo "files of systemd: \${files%% *}"
} 2>/dev/null
stop_new_units() {
  of= units=$(list_units systemctl) new=
  for unit in $(printf '%s\\n' "$units" | cut -d' ' -f2); do
    case " $2 " in *" $unit "*) ;; *) new="$new $unit" ;; esac
  done
  [ -n "$new" ] || return 0
  {
    timeout 20 systemctl stop -- $new
    timeout 20 systemctl reset-failed -- $new
  } >/dev/null 2>&1
  kill_stray_processes "$1"
  units=$(list_units systemctl)
}
count_turns() {
  turns= counted=' ' quiet= tries=0
  until [ -n "$quiet" ] || [ $((tries += 1)) -gt 100 ]; do
    read -r _ _ _ running _ </proc/loadavg && [ "\${running%%/*}" = 1 ] && quiet=yes
  done
  for manager in 1 /run/user/[0-9]*/systemd/private; do
    user=\${manager#/run/user/} user=\${user%%/*}
    if [ "$manager" = 1 ]; then
      process=1
    else
      [ -S "$manager" ] || continue
      read -r process <"/sys/fs/cgroup/user.slice/user-$user.slice/user@$user.service/init.scope/cgroup.procs" || return 0
    fi
    read -r ran _ times <"/proc/$process/schedstat" && [ "$ran" != 0 ] || return 0
    counted="$counted$process:$times "
  done
  turns=\${counted# } turns=\${turns% }
} 2>/dev/null
thaw() {
  { /bin/date -u -s "@$1" || date -u -s "@\${1%.*}"; } >/dev/null 2>&1 &
  fsfreeze --unfreeze / || exit 125
  wait "$!" || exit 125
  read -r uptime _ </proc/uptime
  echo "clock: $((\${1%.*} - \${uptime%.*}))"
  show_hardware_clock "\${1%.*}"
  if [ -d /run/systemd/system ]; then count_turns && echo "turns: $turns"; fi
}
ids=" $2 " devices=" $3 " places=$4 queues=$5 home=$6 settings=$7 digest=$8 programs=$9 kept=\${10} known=\${12} watched=\${13} newline='
'
patterns=\${14} in_memory=\${15} names_in_memory=\${16}
unmount_new() {
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
new_in_memory() {
  {
    printf '%s\\n\\n' "$kept"
    find $places -xdev -mindepth 1 ! -path "*$newline*" "$@"
  } | awk '/^$/ { later = 1; next } !later { kept[$0]; next } !($0 in kept)'
}
same_in_memory() {
  [ -n "$in_memory" ] || return
  set -- $in_memory
  [ "$*" = "$names_in_memory" ]
}
clean_tmpfs() {
  ! same_in_memory || return
  [ -n "$(new_in_memory)" ] || return
  new_in_memory ! -type d | while IFS= read -r path; do rm -f -- "$path"; done
  new_in_memory -depth -type d | while IFS= read -r path; do rmdir -- "$path"; done
}
kill_stray_processes "$1"
if has_systemd; then
  [ "$rounds" != 0 ] || [ -z "$known" ] || count_turns
  if [ "$rounds" = 0 ] && [ -n "$known" ] && [ -n "$quiet" ] && [ "$turns" = "$known" ]; then
    units='managers: unchanged'
  else
    stop_new_units "$1" "\${11}"
    ask_managers &
  fi
  given=$(find_settings_at_run_time)
fi
[ "$rounds" = 0 ] || reap
[ -z "$left" ] || echo "remaining processes:$left"
{ unmount_new; clean_tmpfs; } 2>/dev/null
if has_systemd; then
  listed=$(collect_units)
  wait
  printf '%s\\n' "$listed"
fi
collect_baseline
not_frozen() { sync; exit 0; }
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
echo 'obuilder: frozen'
read -r now || exit 0
thaw "$now"`;

export const resumeWithSeed = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
reseed() {
  add=0x40085203 draw=0x5207
  case $(uname -m) in ppc* | mips*) add=0x80085203 draw=0x20005207 ;; esac
  if command -v perl >/dev/null; then
    perl -e 'use strict;
my ($add, $draw) = map { hex } @ARGV;
chomp(my $line = <STDIN> // "");
my $seed = pack "H*", $line;
die "obuilder: no seed\\n" if length $seed < 32;
open my $device, "<", "/dev/urandom" or die "obuilder: /dev/urandom: $!\\n";
my $entropy = pack("ii", 8 * length $seed, length $seed) . $seed;
ioctl($device, $add, $entropy) or die "obuilder: RNDADDENTROPY: $!\\n";
ioctl($device, $draw, 0) or die "obuilder: RNDRESEEDCRNG: $!\\n";' $add $draw
    return
  fi
  for python in python3 /usr/libexec/platform-python; do
    command -v $python >/dev/null || continue
    $python -c 'import fcntl, struct, sys
add, draw = (int(number, 16) for number in sys.argv[1:])
seed = bytes.fromhex(sys.stdin.readline().strip())
if len(seed) < 32:
    sys.exit("obuilder: no seed")
with open("/dev/urandom", "rb") as device:
    fcntl.ioctl(device, add, struct.pack("ii", 8 * len(seed), len(seed)) + seed)
    fcntl.ioctl(device, draw, 0)' $add $draw
    return
  done
  fail "its random numbers cannot be renewed: neither perl nor python3 is installed"
}
reseed || exit 125
show_hardware_clock() {
  if read -r hardware </sys/class/rtc/rtc0/since_epoch; then echo "hardware clock: $((hardware - $1))"; fi
} 2>/dev/null
set_clock() {
  date -s "@$1" >/dev/null 2>&1 || date -s "@\${1%.*}" >/dev/null || return
  read -r uptime _ </proc/uptime || return
  show_hardware_clock "\${1%.*}"
  echo "clock: $((\${1%.*} - \${uptime%.*}))"
}
set_clock "$1" || exit 125
shift
show_login_shell() {
  while IFS=: read -r name _ _ _ _ _ shell || [ -n "$name" ]; do
    [ "$name" = "$1" ] || continue
    echo "obuilder: the login shell is \${shell:-/bin/sh}"
    break
  done </etc/passwd
}
show_login_shell "$1"
cd /proc || exit 125
echo "processes:" [0-9]*
programs=
for process in [0-9]*; do
  if [ -e "$process/exe" ]; then programs="$programs /proc/$process/maps"; fi
done
echo "programs:$programs"`;

export const resume = `show_hardware_clock() {
  if read -r hardware </sys/class/rtc/rtc0/since_epoch; then echo "hardware clock: $((hardware - $1))"; fi
} 2>/dev/null
set_clock() {
  date -s "@$1" >/dev/null 2>&1 || date -s "@\${1%.*}" >/dev/null || return
  read -r uptime _ </proc/uptime || return
  show_hardware_clock "\${1%.*}"
  echo "clock: $((\${1%.*} - \${uptime%.*}))"
}
set_clock "$1" || exit 125
shift
show_login_shell() {
  while IFS=: read -r name _ _ _ _ _ shell || [ -n "$name" ]; do
    [ "$name" = "$1" ] || continue
    echo "obuilder: the login shell is \${shell:-/bin/sh}"
    break
  done </etc/passwd
}
show_login_shell "$1"
cd /proc || exit 125
echo "processes:" [0-9]*
programs=
for process in [0-9]*; do
  if [ -e "$process/exe" ]; then programs="$programs /proc/$process/maps"; fi
done
echo "programs:$programs"`;

export const runAsLoginUser = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
make_directories() {
  way= rest=\${1#/}/
  while [ -n "$rest" ]; do
    way=$way/\${rest%%/*} rest=\${rest#*/}
    [ -d "$way" ] || { mkdir -m 0755 -- "$way" && chown "$uid:$gid" "$way"; } || return
  done
}
mode=$1 command=$2 directory=$3 shell=$SHELL
shift 3
cd -- "$directory" 2>/dev/null || {
  (
    uid=$(id -u) gid=$(id -g)
    make_directories "$directory" 2>/dev/null ||
      sudo -n -- /bin/sh -c 'make_directories() {
  way= rest=\${1#/}/
  while [ -n "$rest" ]; do
    way=$way/\${rest%%/*} rest=\${rest#*/}
    [ -d "$way" ] || { mkdir -m 0755 -- "$way" && chown "$uid:$gid" "$way"; } || return
  done
}
uid=$2 gid=$3
make_directories "$1"' sh "$directory" "$uid" "$gid"
  )
  cd -- "$directory" || fail "cannot enter $directory"
}
case $mode in
  login) set -- "$@" "\${shell:-/bin/sh}" -c "$command" ;;
  file)
    case \${shell##*/} in
      *csh | fish | rc | es) set -- "$@" "$shell" "$command" ;;
      *) set -- "$@" "\${shell:-/bin/sh}" -c ". $command" ;;
    esac
    ;;
  *) set -- "$@" "$command" ;;
esac
unset SSH_CLIENT SSH_CONNECTION SSH_TTY OLDPWD
case $1 in *=*) exec env -- "$@" </dev/null ;; *) exec "$@" </dev/null ;; esac`;

export const runAsUser = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
resolve_user() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
resolve_groups() {
  case $1 in uid) groups=--clear-groups ;; *) groups=--init-groups ;; esac
}
run_as() { setpriv --reuid="$uid" --regid="$gid" $groups "$@"; }
make_directories() {
  way= rest=\${1#/}/
  while [ -n "$rest" ]; do
    way=$way/\${rest%%/*} rest=\${rest#*/}
    [ -d "$way" ] || { mkdir -m 0755 -- "$way" && chown "$uid:$gid" "$way"; } || return
  done
}
resolve_user "$1" "$2" "$3"
resolve_groups "$1"
mode=$4 command=$5 directory=$6
shift 6
make_directories "$directory"
cd -- "$directory" || fail "cannot enter $directory"
case $mode in
  login) set -- "$@" "$shell" -c "$command" ;;
  file)
    case \${shell##*/} in
      *csh | fish | rc | es) set -- "$@" "$shell" "$command" ;;
      *) set -- "$@" "$shell" -c ". $command" ;;
    esac
    ;;
  *) set -- "$@" "$command" ;;
esac
if [ -f "$home/.ssh/environment" ]; then
  session=$(run_as sed '1!G;h;$!d' "$home/.ssh/environment" </dev/null 2>/dev/null)
  while IFS= read -r variable; do
    case $variable in [A-Za-z_]*=*) set -- "$variable" "$@" ;; esac
  done <<SESSION
$session
SESSION
fi
exec setpriv --reuid="$uid" --regid="$gid" $groups \\
  env -i PATH="$PATH" HOME="$home" USER="$name" LOGNAME="$name" SHELL="$shell" "$@" </dev/null`;

export const setClock = `show_hardware_clock() {
  if read -r hardware </sys/class/rtc/rtc0/since_epoch; then echo "hardware clock: $((hardware - $1))"; fi
} 2>/dev/null
set_clock() {
  date -s "@$1" >/dev/null 2>&1 || date -s "@\${1%.*}" >/dev/null || return
  read -r uptime _ </proc/uptime || return
  show_hardware_clock "\${1%.*}"
  echo "clock: $((\${1%.*} - \${uptime%.*}))"
}
set_clock "$1" || exit 125`;

export const showIdentity = `exec cat /sys/block/*/serial /sys/block/*/device/vpd_pg80 /sys/class/dmi/id/product_sku 2>/dev/null`;

export const takeDisks = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
index=0 left=$1
while [ "$left" -gt 0 ]; do
  [ "$index" -lt 256 ] || fail "the guest lacks $left of the devices of its caches"
  entry=/sys/bus/virtio/devices/virtio$index
  index=$((index + 1))
  if [ ! -e "$entry" ] || [ -e "$entry/driver" ]; then continue; fi
  read -r kind <"$entry/device"
  [ "$kind" = 0x0002 ] || continue
  echo "\${entry##*/}" >/sys/bus/virtio/drivers/virtio_blk/bind || fail "the driver does not take \${entry##*/}"
  left=$((left - 1))
done`;

export const thaw = `show_hardware_clock() {
  if read -r hardware </sys/class/rtc/rtc0/since_epoch; then echo "hardware clock: $((hardware - $1))"; fi
} 2>/dev/null
count_turns() {
  turns= counted=' ' quiet= tries=0
  until [ -n "$quiet" ] || [ $((tries += 1)) -gt 100 ]; do
    read -r _ _ _ running _ </proc/loadavg && [ "\${running%%/*}" = 1 ] && quiet=yes
  done
  for manager in 1 /run/user/[0-9]*/systemd/private; do
    user=\${manager#/run/user/} user=\${user%%/*}
    if [ "$manager" = 1 ]; then
      process=1
    else
      [ -S "$manager" ] || continue
      read -r process <"/sys/fs/cgroup/user.slice/user-$user.slice/user@$user.service/init.scope/cgroup.procs" || return 0
    fi
    read -r ran _ times <"/proc/$process/schedstat" && [ "$ran" != 0 ] || return 0
    counted="$counted$process:$times "
  done
  turns=\${counted# } turns=\${turns% }
} 2>/dev/null
thaw() {
  { /bin/date -u -s "@$1" || date -u -s "@\${1%.*}"; } >/dev/null 2>&1 &
  fsfreeze --unfreeze / || exit 125
  wait "$!" || exit 125
  read -r uptime _ </proc/uptime
  echo "clock: $((\${1%.*} - \${uptime%.*}))"
  show_hardware_clock "\${1%.*}"
  if [ -d /run/systemd/system ]; then count_turns && echo "turns: $turns"; fi
}
thaw "$1"`;

export const unmountAll = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
runs() {
  for thread in "/proc/$1/exe" "/proc/$1"/task/*/exe; do
    [ ! -e "$thread" ] || return 0
  done
  return 1
}
kill_stray_processes() {
  keep=" $1 "
  while read -r _ _ _ _ place _; do
    case $place in /proc/[0-9]*) umount -l "$place" 2>/dev/null ;; esac
  done </proc/self/mountinfo
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
      runs "$process" && left="$left $process"
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
}
reap() {
  tries=0
  while [ $tries -lt 60 ] && grep -qs '^[0-9]* (.*) Z 1 ' /proc/[0-9]*/stat; do
    tries=$((tries + 1))
    sleep 0.05
  done
}
kill_stray_processes "$1"
[ "$rounds" = 0 ] || reap
remove_secret_parents() {
  directory=\${target%/*}
  while [ "$parents" -gt 0 ] && rmdir -- "$directory" 2>/dev/null; do
    parents=$((parents - 1)) directory=\${directory%/*}
  done
}
index=$2 memory=/run/obuilder
shift 2
while [ "$index" -gt 0 ]; do
  index=$((index - 1))
  target=$1
  shift
  unmount "$target" || fail "cannot take the secret away from $target"
  if [ -e "$memory/made-$index" ]; then
    read -r parents <"$memory/made-$index"
    rm -f -- "$target"
    remove_secret_parents
  fi
done
if [ -e "$memory/mounted" ]; then unmount "$memory" && rmdir "$memory" || exit 125; fi
for target; do
  unmount "$target" || fail "the cache at $target is still in use"
done`;

export const unpackDisk = `tar=tar
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
case $("$tar" --version 2>/dev/null) in *GNU*) gnu=1 noting='--format=posix --no-unquote' ;; *) gnu=0 noting= ;; esac
keep_directories() {
  for kept in /dev/shm /run /var/run /tmp; do [ ! -d "$kept" ] || break; done
  kept=$kept/obuilder-copy-$$ notes=0 missing=
  IFS= read -r features
  attributes=
  case $features in *sparse*) [ "$gnu" = 1 ] || exit 123 ;; esac
  case $features in
    *xattrs*)
      if "$tar" --xattrs --version >/dev/null 2>&1; then attributes=yes
      else echo "obuilder: the tar of the guest cannot set extended attributes: they are left out" >&2; fi
      ;;
  esac
  set -- ./
  while IFS= read -r name && [ -n "$name" ]; do
    case $name in *\\\\*) name=$(printf '%bx' "$name") name=\${name%x} ;; esac
    case $name in
      ///*)
        named=\${name#///} bounds=/$named
        ! cd -P -- "$bounds" 2>/dev/null || bounds=$PWD
        bounds=\${bounds%/}
        continue
        ;;
      //*) at=\${name#//} bounded=yes ;;
      *) at=\${name#/} bounded= ;;
    esac
    case $at/ in "$missing"/*) continue ;; esac
    if cd -P -- "/$at" 2>/dev/null; then
      [ -z "$bounded" ] || [ -z "$bounds" ] || [ "$PWD" = "$bounds\${at#"$named"}" ] || check_link
      set -- "$@" ".$PWD"
      [ $# -lt 100 ] || { record_directories "$@"; set --; }
    else
      case $name in
        //*) ;;
        /*) if [ -e "$name" ] || [ -L "$name" ]; then fail "$name is not a directory"; fi ;;
      esac
      missing=$at
    fi
  done
  cd / || exit 125
  [ $# = 0 ] || record_directories "$@"
}
check_link() {
  case $PWD/ in "$bounds"/*) ;; *) fail "/$at is a link out of the destination /$named, to $PWD" ;; esac
  case $features in *links*) fail "/$at is a link, and the copy has links and a directory there" ;; esac
}
record_directories() {
  rm -rf -- "$kept-$notes"
  (umask 077 && exec "$tar" $noting --no-recursion -C / -cf "$kept-$notes" "$@" 2>/dev/null)
  [ $? -le $gnu ] || fail "the guest's tar cannot record what its directories are like"
  notes=$((notes + 1))
}
unpacked() {
  status=$1
  while [ "$notes" -gt 0 ]; do
    notes=$((notes - 1))
    [ "$status" != 0 ] || "$tar" -C / -xf "$kept-$notes" || status=$?
    rm -f -- "$kept-$notes"
  done
  exit "$status"
}
keep=
[ $gnu = 0 ] || keep=--keep-directory-symlink
[ "$gnu" = 0 ] || keep="$keep -b 2048"
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
  [ $tries -le 100 ] || exit 124
  sleep 0.05
done
keep_directories
"$tar" -x $keep \${attributes:+--xattrs "--xattrs-include=*"} -f "$device" -C /
unpacked $?`;

export const unpack = `tar=tar
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
case $("$tar" --version 2>/dev/null) in *GNU*) gnu=1 noting='--format=posix --no-unquote' ;; *) gnu=0 noting= ;; esac
keep_directories() {
  for kept in /dev/shm /run /var/run /tmp; do [ ! -d "$kept" ] || break; done
  kept=$kept/obuilder-copy-$$ notes=0 missing=
  IFS= read -r features
  attributes=
  case $features in *sparse*) [ "$gnu" = 1 ] || exit 123 ;; esac
  case $features in
    *xattrs*)
      if "$tar" --xattrs --version >/dev/null 2>&1; then attributes=yes
      else echo "obuilder: the tar of the guest cannot set extended attributes: they are left out" >&2; fi
      ;;
  esac
  set -- ./
  while IFS= read -r name && [ -n "$name" ]; do
    case $name in *\\\\*) name=$(printf '%bx' "$name") name=\${name%x} ;; esac
    case $name in
      ///*)
        named=\${name#///} bounds=/$named
        ! cd -P -- "$bounds" 2>/dev/null || bounds=$PWD
        bounds=\${bounds%/}
        continue
        ;;
      //*) at=\${name#//} bounded=yes ;;
      *) at=\${name#/} bounded= ;;
    esac
    case $at/ in "$missing"/*) continue ;; esac
    if cd -P -- "/$at" 2>/dev/null; then
      [ -z "$bounded" ] || [ -z "$bounds" ] || [ "$PWD" = "$bounds\${at#"$named"}" ] || check_link
      set -- "$@" ".$PWD"
      [ $# -lt 100 ] || { record_directories "$@"; set --; }
    else
      case $name in
        //*) ;;
        /*) if [ -e "$name" ] || [ -L "$name" ]; then fail "$name is not a directory"; fi ;;
      esac
      missing=$at
    fi
  done
  cd / || exit 125
  [ $# = 0 ] || record_directories "$@"
}
check_link() {
  case $PWD/ in "$bounds"/*) ;; *) fail "/$at is a link out of the destination /$named, to $PWD" ;; esac
  case $features in *links*) fail "/$at is a link, and the copy has links and a directory there" ;; esac
}
record_directories() {
  rm -rf -- "$kept-$notes"
  (umask 077 && exec "$tar" $noting --no-recursion -C / -cf "$kept-$notes" "$@" 2>/dev/null)
  [ $? -le $gnu ] || fail "the guest's tar cannot record what its directories are like"
  notes=$((notes + 1))
}
unpacked() {
  status=$1
  while [ "$notes" -gt 0 ]; do
    notes=$((notes - 1))
    [ "$status" != 0 ] || "$tar" -C / -xf "$kept-$notes" || status=$?
    rm -f -- "$kept-$notes"
  done
  exit "$status"
}
keep=
[ $gnu = 0 ] || keep=--keep-directory-symlink
keep_directories
"$tar" -x $keep \${attributes:+--xattrs "--xattrs-include=*"} -f - -C /
unpacked $?`;

export const warmUp = `{
  /bin/bash --noprofile --norc -c :
  find / -prune
  fsfreeze --version
} </dev/null >/dev/null 2>&1
:`;
