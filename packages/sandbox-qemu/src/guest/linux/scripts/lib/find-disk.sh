# "find_disk SERIAL LETTERS" sets device to a disk's first partition. Its name depends on its bus, and on SATA also on
# chance; its serial number does not. Only where no disk shows one of ours it is looked for by its position.
find_disk() {
  device= ours=
  for entry in "/sys/block/vd$2" "/sys/block/sd$2" /sys/block/*; do
    found=
    if [ -r "$entry/serial" ]; then
      read -r found <"$entry/serial"
    elif [ -r "$entry/device/vpd_pg80" ]; then
      found=$(tail -c +5 "$entry/device/vpd_pg80" | tr -d '\000 ')
    fi
    case $found in
      "$1") device=/dev/${entry##*/}1 && return ;;
      obuilder-*) ours=yes ;;
    esac
  done
  [ -z "$ours" ] || return
  for name in vd sd hd; do
    if [ -b "/dev/$name${2}1" ]; then device=/dev/$name${2}1 && return; fi
  done
}
