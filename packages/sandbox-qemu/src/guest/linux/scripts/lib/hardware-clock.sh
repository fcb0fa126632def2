# "show_hardware_clock NOW" prints how far the machine's clock is ahead of the system's, in seconds, if the machine has one.
show_hardware_clock() {
  if read -r hardware </sys/class/rtc/rtc0/since_epoch; then echo "hardware clock: $((hardware - $1))"; fi
} 2>/dev/null
