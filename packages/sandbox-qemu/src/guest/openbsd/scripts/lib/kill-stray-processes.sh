# "kill_stray_processes INITIAL" kills every process but for the initial ones (process ids with blanks between them),
# this one, its parents and its children, and what the system itself starts later: /etc/rc starts daemons and relinks the kernel
# after sshd, then init starts gettys, and starts each again as soon as it is killed (sbin/init/init.c f_multi_user,
# collect_child). These have the login name root, which init sets. A session of sshd has its user's, and all that descends from it
# has inherited that, also in sessions of its own (usr.bin/ssh/session.c do_exec_no_pty; sys/kern/kern_proc.c enternewpgrp). Where
# the login user is root, the name of a program has to be enough. `login` and the others are keywords of bin/ps/keyword.c, and none
# an alias such as `stat`, which until 2009 at least kept its header (1.29 findvar). bin/ps/print.c logname prints `-` for no name.
kill_stray_processes() {
  keep=" $1 " process=$$
  while [ "$process" -gt 1 ]; do
    keep="$keep$process "
    process=$(($(ps -o ppid= -p "$process")))
  done
  read -r own <<LOGIN
$(ps -o login= -p $$)
LOGIN
  rounds=0
  while [ $rounds -lt 100 ]; do
    left=
    while read -r process parent login state name; do
      case $keep in *" $process "*) continue ;; esac
      case $state in Z*) continue ;; esac
      case $name in ps | mount_mfs) continue ;; esac
      [ "$login" != root ] || [ "$own" = root ] || continue
      [ "$parent:$name" != 1:getty ] || continue
      [ "$parent" = $$ ] || left="$left $process"
    done <<LIST
$(ps -ax -o pid= -o ppid= -o login= -o state= -o ucomm=)
LIST
    [ -n "$left" ] || return 0
    kill -9 $left 2>/dev/null
    rounds=$((rounds + 1))
    [ $rounds = 1 ] || sleep 0.05
  done
}
