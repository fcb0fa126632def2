# Cygwin's sync flushes all volumes.
. ./lib/start.sh
sync
