# Arguments: the initial processes; the ids of its mounts, and the devices of these; what collect_baseline takes: the
# mounts in memory, that of the message queues, the login user's directory, the files of /proc/sys, their digest, and the maps
# of the processes of the boot; all paths that were in memory, one a line; the names of systemd's units; how often the service
# managers had run before the step, if that is known; and the files of the kernel that are watched. Kills what the step
# has left running, removes its mounts and its files in memory, and reports; then as flush.sh. A mount of another disk is left
# alone, and so reported: unmounting it would write to it.
. ./lib/kill-stray-processes.sh
. ../../posix/scripts/lib/unmount.sh
. ./lib/reap.sh
. ./lib/collect-baseline.sh
. ./lib/collect-units.sh
. ./lib/manager-turns.sh
ids=" $2 " devices=" $3 " places=$4 queues=$5 home=$6 settings=$7 digest=$8 programs=$9 kept=${10} known=${12} watched=${13} newline='
'
unmount_new() {
  rounds=0
  while [ $rounds -lt 3 ]; do
    new=
    while IFS= read -r line; do
      case $ids in *" ${line%% *} "*) ;; *) new="$line$newline$new" ;; esac
    done </proc/self/mountinfo
    [ -n "$new" ] || return
    printf '%s' "$new" | while read -r _ _ device _ place rest; do
      type=${rest#* - } type=${type%% *}
      case $type in
        tmpfs | ramfs | proc | sysfs | devpts | devtmpfs) ;;
        *) case $devices in *" $device "*) ;; *) continue ;; esac ;;
      esac
      umount "$(printf '%b' "$place")"
    done
    rounds=$((rounds + 1))
  done
}
# A name with a line feed stays, and so is reported.
new_in_memory() {
  {
    printf '%s\n\n' "$kept"
    # shellcheck disable=SC2086
    find $places -xdev -mindepth 1 ! -path "*$newline*" "$@"
  } | awk '/^$/ { later = 1; next } !later { kept[$0]; next } !($0 in kept)'
}
clean_tmpfs() {
  [ -n "$(new_in_memory)" ] || return
  # Never "rm -r": it would continue into a mount that could not be unmounted.
  new_in_memory ! -type d | while IFS= read -r path; do rm -f -- "$path"; done
  new_in_memory -depth -type d | while IFS= read -r path; do rmdir -- "$path"; done
}
kill_stray_processes "$1"
if has_systemd; then
  [ "$rounds" != 0 ] || [ -z "$known" ] || count_turns
  if [ "$rounds" = 0 ] && [ -n "$known" ] && [ "$turns" = "$known" ]; then
    units='managers: unchanged'
  else
    stop_new_units "$1" "${11}"
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
  printf '%s\n' "$listed"
fi
collect_baseline
. ./lib/freeze.sh
