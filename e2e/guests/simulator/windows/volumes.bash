# Windows' letters of volumes, for the boot and for PowerShell. /cygdrive/c/mounted-devices has lines of a letter and the signature
# of a disk, which is in its MBR.
known=/cygdrive/c/mounted-devices
signature_of() { od -An -tx4 -j 440 -N 4 "$1" | tr -d ' '; }
letter_of() { sed -n "s/^\(.\) $1\$/\1/p" $known; }
set_letter() {
  sed -i -e "/^$2 /d" -e "/ $1\$/d" $known
  echo "$2 $1" >>$known
}
set_signature() {
  local signature=$((RANDOM << 16 | RANDOM | 1)) shift
  for shift in 0 8 16 24; do printf "\\$(printf %03o $((signature >> shift & 255)))"; done |
    dd of="$1" bs=1 seek=440 conv=notrunc 2>/dev/null
}
mount_volume() {
  mount "${1}1" "/cygdrive/$2" && chown opam:opam "/cygdrive/$2" && set_letter "$(signature_of "$1")" "$2"
}
# A volume that it knows by its disk's signature has the letter that it had before (HKLM\SYSTEM\MountedDevices); another has one
# that is free, in an order of its own, unless that is off (Microsoft's reference: mountvol /n). A disk with the signature of one
# that it has already stays off line (Microsoft's reference: diskpart, online disk).
mount_volumes() {
  local disk letter signature signatures=' ' others=()
  for disk in /dev/vd[b-z]; do
    [ -b "${disk}1" ] || continue
    signature=$(signature_of "$disk")
    case $signatures in *" $signature "*) continue ;; esac
    signatures="$signatures$signature "
    ! findmnt -S "${disk}1" >/dev/null || continue
    letter=$(letter_of "$signature")
    if [ -n "$letter" ]; then mount_volume "$disk" "$letter"; else others+=("$disk"); fi
  done
  [ ! -e /cygdrive/c/no-automount ] || return 0
  for disk in "${others[@]}"; do
    for letter in e f d g h i; do
      findmnt "/cygdrive/$letter" >/dev/null || { mount_volume "$disk" $letter && break; }
    done
  done
}
