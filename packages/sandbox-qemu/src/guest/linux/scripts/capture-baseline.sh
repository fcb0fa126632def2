# As root. Arguments: the script of the boot's shell (capture-in-boot-shell.sh), the login user, and the maps of the boot's
# processes. A guest can be reused without a boot if all that its boot does to the disk and elsewhere is known: that is so where the
# init of our images has started it, or systemd as a recipe of ours has set it up.
boot=/usr/local/lib/obuilder
init=$(readlink /proc/1/exe)
case $init in
  "$boot/busybox") ;;
  /usr/lib/systemd/systemd)
    if [ ! -e "$boot/systemd" ] || [ ! -x "$boot/busybox" ]; then
      echo "no: its systemd is not that of our image recipes" && exit 0
    fi
    ;;
  *) echo "no: its init is ${init:-unknown}"; exit 0 ;;
esac
script=$1
shift
exec "$boot/busybox" sh -c "$script" obuilder "$@"
