# As root. Argument: the initial processes. Where the file systems cannot be frozen it says nothing: the guest must be shut down.
. ./lib/kill-stray-processes.sh
kill_stray_processes "$1"
. ./lib/freeze.sh
