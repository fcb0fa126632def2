# What systemd has running, what it was told, and which files it reads at a boot. A step that reloads it shows by the times of that.
# Devices, mounts and swap are compared elsewhere. Under emulation each "systemctl" takes as long as all the rest of a reset:
# they run beside it, and write each line at once.
has_systemd() { [ /proc/1/exe -ef /usr/lib/systemd/systemd ]; }
# "list_units COMMAND..." prints the units in memory that the command lists.
list_units() {
  timeout 60 "$@" list-units --full --plain --no-legend --no-pager | while read -r unit load active state _; do
    case $unit in *.device | *.mount | *.swap) ;; *) echo "unit$of: $unit $load $active $state" ;; esac
  done
}
# Without what changes by itself: how many units are loaded and were started, and when the boot of a resumed guest came to its end.
# How many jobs are left does not.
show_manager() {
  timeout 60 "$@" show --no-pager | while IFS= read -r line; do
    case $line in
      NNames=* | NFailed* | NInstalledJobs=* | Progress=* | SystemState=* | FinishTimestamp* | *WatchdogLast*) ;;
      *) echo "manager$of: $line" ;;
    esac
  done
}
# Prints what the service managers were told, and the units of those of users. These are asked as the users: root is not answered.
ask_managers() {
  of=
  show_manager systemctl &
  for socket in /run/user/[0-9]*/systemd/private; do
    place=${socket%/systemd/private} user=${socket#/run/user/} user=${user%%/*} of=" of ${user%%/*}"
    case $user in *[!0-9]*) continue ;; esac
    [ -S "$socket" ] || continue
    set -- env -u DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR="$place" /usr/bin/setpriv --reuid="$user" --regid=65534 --clear-groups systemctl --user
    show_manager "$@" &
    list_units "$@"
  done
  wait
} 2>/dev/null
# Owners of control groups; their limits are among the files that are watched.
collect_groups() {
  find /sys/fs/cgroup -type d -exec stat -c 'group: %f %u %g %n' {} +
}
# A setting at run time is in force without a reload, and stays so without its file; so does a shutdown that is scheduled. They are
# looked for before files are removed.
find_settings_at_run_time() {
  for file in /run/systemd/system.control/*/* /run/systemd/user.control/*/* /run/systemd/shutdown/*; do
    [ ! -e "$file" ] || echo "setting at run time: $file"
  done
}
# Prints the rest, with the units and the settings at run time as they were listed.
collect_units() {
  printf '%s\n' "$units" "$given"
  collect_groups
  files=$(find /etc/systemd /etc/udev /etc/tmpfiles.d /etc/sysusers.d /etc/init.d /etc/rc?.d /etc/dbus-1 /etc/polkit-1 /etc/network /etc/netplan /etc/networkd-dispatcher /etc/rsyslog.conf /etc/rsyslog.d /etc/ufw /etc/apparmor.d /etc/chrony /etc/lvm /etc/cloud /etc/crontab /etc/cron.* /etc/default /etc/environment.d /etc/binfmt.d /etc/machine-id /etc/localtime /etc/timezone /etc/adjtime /etc/locale.conf /etc/vconsole.conf /etc/ld.so.preload /usr/lib/systemd /usr/lib/udev /usr/lib/tmpfiles.d /usr/lib/sysusers.d /usr/lib/sysctl.d /usr/lib/modules-load.d /usr/lib/modprobe.d /usr/lib/binfmt.d /usr/lib/environment.d /usr/local/lib/systemd /usr/share/dbus-1 /usr/share/polkit-1 /usr/lib/modules/*/modules.* /usr/bin/systemctl /usr/bin/dbus-daemon /usr/sbin/cron /var/lib/systemd/linger /var/spool/cron "$home/.config/systemd" "$home/.config/environment.d" "$home/.local/share/systemd" "$home/.local/share/dbus-1" \
    -exec stat -c '%f %u %g %s %i %Y %Z %n' {} + | md5sum)
  echo "files of systemd: ${files%% *}"
} 2>/dev/null
# "stop_new_units INITIAL KNOWN" stops the units that are none of those known, and forgets those that failed. Their processes were
# killed; those that systemd starts again meanwhile are killed after that. What it cannot stop is reported.
stop_new_units() {
  of= units=$(list_units systemctl) new=
  for unit in $(printf '%s\n' "$units" | cut -d' ' -f2); do
    case " $2 " in *" $unit "*) ;; *) new="$new $unit" ;; esac
  done
  [ -n "$new" ] || return 0
  # shellcheck disable=SC2086
  {
    timeout 20 systemctl stop -- $new
    timeout 20 systemctl reset-failed -- $new
  } >/dev/null 2>&1
  kill_stray_processes "$1"
  units=$(list_units systemctl)
}
