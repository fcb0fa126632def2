# "set_clock SECONDS" sets the clock to a time since 1970, and prints it as a baseline has it.
. ./hardware-clock.sh
set_clock() {
  date -s "@$1" >/dev/null 2>&1 || date -s "@${1%.*}" >/dev/null || return
  read -r uptime _ </proc/uptime || return
  show_hardware_clock "${1%.*}"
  echo "clock: $((${1%.*} - ${uptime%.*}))"
}
