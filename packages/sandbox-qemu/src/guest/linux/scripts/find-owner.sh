# As root. Argument: the name of a user.
. ../../posix/scripts/fail.sh
. ./lib/run-as.sh
. ../../posix/scripts/lib/find-owner.sh
