# As root. Argument: the name of a user.
. ./lib/start.sh
. ./lib/run-as.sh
. ../../posix/scripts/lib/find-owner.sh
