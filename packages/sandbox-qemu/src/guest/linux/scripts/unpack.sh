# As root. Standard input: as `GuestProfile.unpack`.
tar=tar
. ../../posix/scripts/unpack.sh
