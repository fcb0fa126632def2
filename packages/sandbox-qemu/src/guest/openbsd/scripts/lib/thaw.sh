# "thaw" undoes reset-and-flush.sh, the root first. `rcctl ls failed` lists the daemons that are enabled and do not run (rcctl(8)).
thaw() {
  for directory in $(on_disks | sort); do mount -u -w "$directory" || exit 125; done
  for daemon in $(rcctl ls failed 2>/dev/null); do
    case " $loggers " in *" $daemon "*) rcctl start "$daemon" >/dev/null 2>&1 ;; esac
  done
}
