# As root. Arguments: the script of the boot's shell (capture-in-boot-shell.sh), the login user, and the maps of the boot's
# processes. A guest can be reused without a boot if its boot does nothing to the disk, and all that it does elsewhere is known:
# that is so where the init of our images has started it.
init=$(readlink /proc/1/exe)
[ "$init" = /usr/local/lib/obuilder/busybox ] || { echo "no: its init is ${init:-unknown}"; exit 0; }
script=$1
shift
exec /usr/local/lib/obuilder/busybox sh -c "$script" obuilder "$@"
