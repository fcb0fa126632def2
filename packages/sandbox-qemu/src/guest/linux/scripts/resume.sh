# As root. Arguments: the time in seconds since 1970, and the login user. Prints the same as set-clock.sh, and as list-processes.sh.
. ./lib/set-clock.sh
set_clock "$1" || exit 125
shift
. ./list-processes.sh
