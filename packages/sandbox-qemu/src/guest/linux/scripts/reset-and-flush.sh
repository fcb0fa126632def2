# As root. Arguments: the script of the boot's shell (reset-in-boot-shell.sh), and its arguments.
script=$1
shift
exec /usr/local/lib/obuilder/busybox sh -c "$script" obuilder "$@"
