# As root. Argument: the time in seconds since 1970. Prints the clock as a baseline has it.
. ./lib/set-clock.sh
set_clock "$1" || exit 125
