# As root. Argument: the time in seconds since 1970. Prints the same as list-processes.sh, and the clock as a baseline has it.
. ./lib/hardware-clock.sh
date -s "@$1" >/dev/null 2>&1 || date -s "@${1%.*}" >/dev/null || exit 125
read -r uptime _ </proc/uptime || exit 125
show_hardware_clock "${1%.*}"
. ./list-processes.sh
echo "clock: $((${1%.*} - ${uptime%.*}))"
