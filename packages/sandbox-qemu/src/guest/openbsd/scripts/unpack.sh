# As root. Standard input: as `GuestProfile.unpack`. Links that stand for directories stay.
. ./lib/start.sh
command -v gtar >/dev/null || fail "the guest has no gtar: its image needs the package gtar"
tar=gtar
. ../../posix/scripts/unpack.sh
