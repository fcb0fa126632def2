# "print_mounts" prints what is mounted. "on_disks" prints the directories of file
# systems on disks.
print_mounts() { mount | sed 's/^/mount: /'; }
on_disks() { mount | awk '$2 == "on" && $4 == "type" && $5 == "ffs" { print $3 }'; }
# Of the base system's daemons these have a file open for writing.
loggers="syslogd pflogd"
