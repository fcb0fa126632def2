# "kill_stray_processes INITIAL" kills every process but for the initial ones (process ids with blanks between them),
# this one and its parents. Kernel threads and zombies have no program. Sets left and rounds.
kill_stray_processes() {
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
      process=${process#/proc/}
      case $keep in *" $process "*) continue ;; esac
      [ -e "/proc/$process/exe" ] && left="$left $process"
    done
    [ -n "$left" ] || return 0
    kill -9 $left 2>/dev/null
    rounds=$((rounds + 1))
    [ $rounds = 1 ] || sleep 0.05
  done
}
