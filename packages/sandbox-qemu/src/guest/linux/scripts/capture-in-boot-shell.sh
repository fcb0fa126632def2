# Arguments: the login user, and the maps of the processes of the boot. A systemd that is still booting is refused.
. ./lib/collect-baseline.sh
. ./lib/collect-units.sh
. ./lib/known-services.sh
. ./lib/end-udev-workers.sh
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
# shellcheck disable=SC2035
settings=$(cd /proc/sys && find * -xdev -type f)
# shellcheck disable=SC2086
echo "settings:" $settings
echo "home: $home"
watched=$(list_watched)
# The names of control groups have backslashes.
set -f
# shellcheck disable=SC2086
echo "watched:" $watched
set +f
if has_systemd; then
  state=$(timeout 60 systemctl is-system-running --wait)
  case $state in running | degraded) ;; *) echo "no: its systemd is ${state:-unknown}" ;; esac
  end_udev_workers
  tries=0
  until [ "$(systemctl show --property=NJobs --value)" = 0 ] || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
  units=$(list_units systemctl)
  asked=$(ask_managers)
  printf '%s\n' "$asked"
  printf '%s\n' "$units" "$asked" | refuse_unknown_services
  given=$(find_settings_at_run_time)
  collect_units
fi
# Nothing else of a process's status is compared, and all of it must fit into what is kept of a command's output.
collect_baseline | sed '/^\/proc\/[0-9]*\/status:/{/:Uid:/!{/:Cpus_allowed:/!d;};}'
