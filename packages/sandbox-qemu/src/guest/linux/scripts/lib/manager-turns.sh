# "count_turns" sets turns: how often each service manager has been given a processor since the boot. One that was given none since
# was told nothing, and has started and stopped nothing. Empty if it is not known. It waits a little until nothing else is about to run,
# and sets quiet if that is so: only then no manager is about to be told something.
count_turns() {
  turns= counted=' ' quiet= tries=0
  until [ -n "$quiet" ] || [ $((tries += 1)) -gt 100 ]; do
    read -r _ _ _ running _ </proc/loadavg && [ "${running%%/*}" = 1 ] && quiet=yes
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
