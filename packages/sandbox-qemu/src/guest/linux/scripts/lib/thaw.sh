# "thaw TIME" thaws the root file system and sets the clock, to a time in seconds since 1970. Prints the clocks as a baseline has them, and
# how often systemd's service managers have run. Only coreutils' date takes a part of a second: it is started beside the rest.
. ./hardware-clock.sh
. ./manager-turns.sh
thaw() {
  { /bin/date -u -s "@$1" || date -u -s "@${1%.*}"; } >/dev/null 2>&1 &
  fsfreeze --unfreeze / || exit 125
  wait "$!" || exit 125
  read -r uptime _ </proc/uptime
  echo "clock: $((${1%.*} - ${uptime%.*}))"
  show_hardware_clock "${1%.*}"
  if [ -d /run/systemd/system ]; then count_turns && echo "turns: $turns"; fi
}
