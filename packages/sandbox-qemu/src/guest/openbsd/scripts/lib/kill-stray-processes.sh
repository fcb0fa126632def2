# "kill_stray_processes INITIAL" kills every process but for the initial ones (process ids with blanks between them),
# this one, its parents and its children.
kill_stray_processes() {
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
