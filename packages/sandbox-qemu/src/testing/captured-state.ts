/** A small state of a Linux guest, as capture-baseline.sh prints it. */
export const capturedState = String.raw`
settings: fs/file-nr kernel/hostname net/ipv4/route/flush vm/swappiness
home: /home/opam
watched: /sys/a /sys/b
/proc/sys/fs/file-nr:32 0 96280
/proc/sys/kernel/hostname:obuilder
/proc/sys/vm/swappiness:60
/proc/self/mountinfo:21 23 0:19 / /proc rw,relatime - proc proc rw
/proc/self/mountinfo:23 1 254:1 / / rw,noatime - ext4 /dev/vda1 rw,discard
/proc/self/mountinfo:24 23 0:20 / /run rw,nosuid shared:7 - tmpfs tmpfs rw,mode=755
/proc/modules:ext4 983040 1 - Live 0x0
/proc/partitions:major minor  #blocks  name
/proc/partitions: 254        0   10485760 vda
/proc/partitions: 254       16     102400 vdb
/proc/net/if_inet6:fe80000000000000505400fffe123456 02 40 20 c0     eth0
/proc/stat:cpu  100 0 707
/proc/stat:processes 180
stat: 41ed 0 0 0:0 140 1 100 100 /run
stat: 81a4 0 0 0:0 4 2 100 100 /run/sshd.pid
stat: 6180 0 6 fe:10 0 99 100 100 /dev/vdb
stat: 81a4 0 0 0:0 924 147 50 50 /etc/passwd
stat: 41ed 1000 1000 0:0 4096 200 60 60 /home/opam
0:	from all lookup local
clock: 1795475300
`;
