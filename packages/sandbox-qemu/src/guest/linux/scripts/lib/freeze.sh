# Freezes all file systems on disks, the root last, and says so.
not_frozen() { sync; exit 0; }
command -v fsfreeze >/dev/null || not_frozen
root= seen=' ' others=
while read -r device directory type options _; do
  case $type in
    zfs | fuse | fuse.* | fuseblk) not_frozen ;;
    tmpfs | ramfs | rootfs) [ "$directory" != / ] || root=memory ;;
  esac
  case $device in /dev/*) ;; *) continue ;; esac
  case ,$options, in *,ro,*) continue ;; esac
  case $seen in *" $device "*) continue ;; esac
  seen="$seen$device "
  if [ "$directory" = / ]; then root=disk; else others="$directory $others"; fi
done </proc/mounts
[ -n "$root" ] || not_frozen
for directory in $others; do
  directory=$(printf '%b' "$directory")
  fsfreeze --freeze "$directory" 2>/dev/null || mount -o remount,ro "$directory" 2>/dev/null || not_frozen
done
if [ "$root" = disk ]; then fsfreeze --freeze / 2>/dev/null || not_frozen; fi
echo 'obuilder: frozen'
