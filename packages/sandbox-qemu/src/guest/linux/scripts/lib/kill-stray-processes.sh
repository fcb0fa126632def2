# "kill_stray_processes INITIAL" kills every process but for the initial ones (process ids with blanks between them),
# this one and its parents. Kernel threads and zombies have no program; a process whose first thread has ended
# is a zombie with other threads. A mount over a process's directory would hide it. Sets left and rounds.
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
      process=${process#/proc/}
      case $keep in *" $process "*) continue ;; esac
      runs "$process" && left="$left $process"
    done
    [ -n "$left" ] || return 0
    kill -9 $left 2>/dev/null
    rounds=$((rounds + 1))
    [ $rounds = 1 ] || sleep 0.05
  done
}
