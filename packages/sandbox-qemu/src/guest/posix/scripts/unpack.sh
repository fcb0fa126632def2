# As root. Standard input: as `GuestProfile.unpack`. $tar: the program.
# shellcheck disable=SC2154
. ./lib/unpack-start.sh
keep_directories
# shellcheck disable=SC2086
"$tar" -x $keep ${attributes:+--xattrs "--xattrs-include=*"} -f - -C /
unpacked $?
