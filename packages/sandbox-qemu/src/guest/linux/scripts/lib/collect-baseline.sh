# collect_baseline prints what a boot makes, and what would change the next boot; guest-state.ts parses it. Takes
# $settings: the files of /proc/sys, and $digest: that of their contents, if it was captured;
# $programs: the maps of the processes of the boot; $home: the login user's directory;
# $places: the mounts in memory; $queues: that of the message queues, if there is one; $watched: see list-watched.sh;
# $patterns and $in_memory: where the directories are known, patterns for what is in them (file-list.ts).
# Needs busybox' applets. Each costs milliseconds under emulation: there are few, and nothing is sorted or filtered here. Of
# those that read many small files with their names, grep continues where one cannot be read.
. ./hardware-clock.sh
. ./list-watched.sh
collect_baseline() {
  # Nearly a thousand files, and the state of some hundred: read beside all else, which takes as long.
  {
    collect_settings
    collect_files
  } &
  rest=$(
    collect_rest
    read_watched "$watched"
  )
  wait
  printf '%s\n' "$rest"
  collect_queues
} 2>/dev/null
# What they are takes more time to be sent than to be read.
collect_settings() {
  cd /proc/sys
  if [ -n "$digest" ]; then
    now=$(grep -FHs '' $settings | md5sum)
    if [ "${now%% *}" = "$digest" ]; then echo "settings: unchanged" && return; fi
  fi
  grep -FHs '' $settings | sed 's,^,/proc/sys/,'
}
collect_files() {
  above=${home%/*}
  set -- / "${above:-/}" "$home" "$home/.ssh" $places /dev /boot /etc/default/locale /etc/environment /etc/fstab /etc/group /etc/gshadow /etc/hostname /etc/hosts.allow /etc/hosts.deny /etc/inittab /etc/login.defs /etc/modprobe.d /etc/modules /etc/modules-load.d /etc/nologin /etc/nsswitch.conf /etc/pam.conf /etc/pam.d /etc/passwd /etc/security /etc/shadow /etc/shells /etc/ssh /etc/sudo.conf /etc/sudoers /etc/sudoers.d /etc/sysctl.conf /etc/sysctl.d /usr/bin/sudo /usr/local/lib/obuilder /usr/sbin/sshd
  format='stat: %f %u %g %t:%T %s %i %Y %Z %n'
  # To look for files takes twice as long.
  if [ -n "$in_memory" ]; then
    stat -c "$format" "$@" $patterns $in_memory
  else
    find "$@" -xdev \( \( -path / -o -path "$above" -o -path "$home" \) -prune -o ! -path "/dev/input*" \) -exec stat -c "$format" {} +
  fi
}
collect_rest() {
  for maps in $programs; do
    process=${maps%maps}
    set -- "$@" "${process}cgroup" "${process}coredump_filter" "${process}limits" "${process}oom_score_adj" "${process}stat" "${process}status" "${process}timerslack_ns"
  done
  grep -FHs '' "$@" /proc/cgroups /proc/key-users /proc/keys /proc/modules /proc/partitions /proc/self/cgroup /proc/self/mountinfo /proc/stat /proc/swaps /proc/net/fib_trie /proc/net/if_inet6 /proc/net/ipv6_route /proc/net/route /proc/sysvipc/msg /proc/sysvipc/sem /proc/sysvipc/shm /sys/class/net/*/address /sys/class/net/*/flags /sys/class/net/*/mtu /sys/devices/system/cpu/online /sys/block/vda/queue/read_ahead_kb /sys/block/vda/queue/scheduler /sys/kernel/kexec_loaded /sys/kernel/mm/ksm/run /sys/kernel/mm/transparent_hugepage/defrag /sys/kernel/mm/transparent_hugepage/enabled /sys/kernel/mm/transparent_hugepage/shmem_enabled /sys/module/printk/parameters/*
  ip rule
  # What is kept in file systems of the kernel, also when nothing has them open; and the drivers' devices, but for disks.
  echo "kept:" /sys/fs/bpf/* /sys/kernel/config/*/* /sys/kernel/security/apparmor/policy/profiles/* /sys/kernel/tracing/instances/* /sys/bus/virtio/drivers/virtio_[!b]*/virtio*
  grep -lF ' (deleted)' $programs
  read -r uptime _ </proc/uptime
  now=${EPOCHSECONDS:-$(date +%s)}
  echo "clock: $((now - ${uptime%.*}))"
  show_hardware_clock "$now"
}
# Where they are not mounted, they are for a moment on a directory whose files were listed before.
collect_queues() {
  if [ -n "$queues" ]; then
    for queue in "$queues"/*; do echo "queue: ${queue##*/}"; done
  elif mount -t mqueue queues /dev/shm; then
    for queue in /dev/shm/*; do echo "queue: ${queue##*/}"; done
    umount /dev/shm
  fi
}
