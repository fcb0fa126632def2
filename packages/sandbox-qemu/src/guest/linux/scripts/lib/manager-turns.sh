# "count_turns" sets turns: how often each service manager has been given a processor since the boot. One that was given none since
# was told nothing, and has started and stopped nothing. Empty if it is not known, or if something else is about to run.
count_turns() {
  turns= counted=' ' tries=0
  until read -r _ _ _ running _ </proc/loadavg && [ "${running%%/*}" = 1 ]; do
    [ $((tries += 1)) -le 100 ] || return 0
  done
  for manager in 1 /run/user/[0-9]*/systemd/private; do
    user=${manager#/run/user/} user=${user%%/*}
    if [ "$manager" = 1 ]; then
      process=1
    else
      [ -S "$manager" ] || continue
      read -r process <"/sys/fs/cgroup/user.slice/user-$user.slice/user@$user.service/init.scope/cgroup.procs" || return 0
    fi
    read -r ran _ times <"/proc/$process/schedstat" && [ "$ran" != 0 ] || return 0
    counted="$counted$process:$times "
  done
  turns=${counted# } turns=${turns% }
} 2>/dev/null
