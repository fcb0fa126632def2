# As root, in a guest that was stopped while its root was frozen. Argument: the time, in seconds since 1970.
. ./lib/hardware-clock.sh
. ./lib/manager-turns.sh
now=$(date -u -s "@$1" +%s 2>/dev/null) || now=$(date -u -s "@${1%.*}" +%s) || exit 125
fsfreeze --unfreeze / || exit 125
read -r uptime _ </proc/uptime
echo "clock: $((now - ${uptime%.*}))"
show_hardware_clock "$now"
if [ -d /run/systemd/system ]; then count_turns && echo "turns: $turns"; fi
