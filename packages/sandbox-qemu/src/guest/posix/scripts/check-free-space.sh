# Succeeds if a file system has 1 GiB of free space, and prints its space. Argument: a path in it.
# openbsd/src bin/df/df.c 1.27 posixprint: one line of six columns, in KiB with -k; newer ones print the same.
# shellcheck disable=SC2046
set -- $(df -P -k "$1" | tail -n 1)
# The name of the device may have blanks.
while [ $# -gt 6 ]; do shift; done
echo "$(($4 / 1024)) MiB of $(($2 / 1024)) MiB"
[ "$4" -ge 1048576 ]
