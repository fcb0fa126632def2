# "kill_stray_processes INITIAL USER" ends the processes of the login user that are not among the initial ones (Windows' process
# ids with blanks between them). sshd's job ends only what stays in it: it allows processes to break away (Win32-OpenSSH
# contrib/win32/win32compat/w32-doexec.c), and all that Cygwin starts does (Cygwin winsup/cygwin/spawn.cc,
# CREATE_BREAKAWAY_FROM_JOB). What runs in another session than ours, such as a desktop, belongs to no step.
#
# The programs of this script are in each list, too, but only once: what is in two lists one after the other has been left.
. ./tasks.sh
kill_stray_processes() {
  initial=" $1 " user=$2 own=$$ before='' rounds=0
  [ ! -e "/proc/$$/winpid" ] || read -r own <"/proc/$$/winpid"
  while [ $rounds -lt 30 ]; do
    list=$(tasks /fi "USERNAME eq $user")
    session='' now=''
    set --
    while IFS='"' read -r _ _ _ process _ _ _ number _; do
      [ "$process" != "$own" ] || session=$number
    done <<OWN
$list
OWN
    while IFS='"' read -r _ name _ process _ _ _ number _; do
      case $process in '' | "$own" | *[!0-9]*) continue ;; esac
      case $initial in *" $process "*) continue ;; esac
      [ -z "$session" ] || [ "$number" = "$session" ] || continue
      # Ours, and those of the SSH session that runs this.
      case $name in sshd*.exe | ssh-shellhost.exe | conhost.exe | tasklist.exe | taskkill.exe) continue ;; esac
      now="$now $process"
      case "$before " in *" $process "*) set -- "$@" /pid "$process" ;; esac
    done <<LIST
$list
LIST
    if [ $# -gt 0 ]; then
      "$(cygpath -S)/taskkill.exe" /f "$@" </dev/null >/dev/null 2>&1
    elif [ $rounds -gt 0 ] || [ -z "$now" ]; then
      return 0
    fi
    before=$now rounds=$((rounds + 1))
  done
}
