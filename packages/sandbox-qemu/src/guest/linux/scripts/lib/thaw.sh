# "thaw TIME" thaws the root file system and sets the clock, to a time in seconds since 1970. Prints the clock as a baseline has it.
# Only coreutils' date takes a part of a second: it is started beside the rest.
thaw() {
  { /bin/date -u -s "@$1" || date -u -s "@${1%.*}"; } >/dev/null 2>&1 &
  fsfreeze --unfreeze / || exit 125
  wait "$!" || exit 125
  read -r uptime _ </proc/uptime
  echo "clock: $((${1%.*} - ${uptime%.*}))"
}
