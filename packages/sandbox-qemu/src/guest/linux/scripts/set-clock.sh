# As root. Arguments: the time in seconds since 1970, and the login user. Prints the same as list-processes.sh, and the clock as a
# baseline has it.
. ./lib/hardware-clock.sh
now=$1
shift
date -s "@$now" >/dev/null 2>&1 || date -s "@${now%.*}" >/dev/null || exit 125
read -r uptime _ </proc/uptime || exit 125
show_hardware_clock "${now%.*}"
. ./list-processes.sh
echo "clock: $((${now%.*} - ${uptime%.*}))"
