# "list_watched" prints the files of the kernel that root can write, a boot makes anew, and nothing else changes: they are found once, and
# read after each step. Of disks only the first: others come and go.
list_watched() {
  find /sys/module/*/parameters /sys/block/vda/queue /sys/block/vda/bdi/ /sys/fs/ext4/vda1 /sys/kernel/mm -type f -perm -200 ! -name bitmap
  for file in /sys/class/net/*/gro_flush_timeout /sys/class/net/*/ifalias /sys/class/net/*/napi_defer_hard_irqs /sys/class/net/*/netdev_group /sys/class/net/*/proto_down /sys/class/net/*/queues/*/?ps_cpus /sys/class/net/*/threaded /sys/class/net/*/tx_queue_len /sys/class/rtc/*/wakealarm /sys/devices/system/clocksource/*/current_clocksource /sys/devices/system/memory/auto_online_blocks /sys/devices/system/memory/memory*/online /sys/devices/virtual/misc/hw_random/rng_current /sys/devices/virtual/workqueue/cpumask /sys/kernel/profiling /sys/kernel/rcu_expedited /sys/kernel/rcu_normal /sys/kernel/security/lockdown /sys/kernel/tracing/buffer_size_kb /sys/kernel/tracing/current_tracer /sys/kernel/tracing/dynamic_events /sys/kernel/tracing/events/enable /sys/kernel/tracing/set_event_pid /sys/kernel/tracing/set_ftrace_pid /sys/kernel/tracing/trace_clock /sys/kernel/tracing/tracing_cpumask /sys/kernel/tracing/tracing_on; do
    [ ! -e "$file" ] || echo "$file"
  done
  # Where there is no systemd, what a step has made of control groups is gone with their mount.
  [ ! -e /sys/fs/cgroup/cgroup.controllers ] ||
    find /sys/fs/cgroup -type f -perm -200 ! -name cgroup.procs ! -name cgroup.threads ! -name cgroup.kill ! -name 'c[!g]*.pressure' ! -name '[im]*.pressure' ! -name '*.peak' ! -name memory.reclaim
} 2>/dev/null
# "read_watched FILES" prints their digest; a value may be of several lines.
read_watched() {
  set -f
  digest_of_watched=$(grep -FHs '' $1 | md5sum)
  set +f
  echo "watched files of the kernel: ${digest_of_watched%% *}"
}
