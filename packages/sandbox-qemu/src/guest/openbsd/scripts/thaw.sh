# As root, in a guest whose file systems reset-and-flush.sh has made read-only. Argument: the time as CCYYMMDDhhmm.ss, in UTC (date(1)).
# Prints the ids of all processes: nothing of a step runs.
. ./lib/start.sh
. ./lib/file-systems.sh
. ./lib/thaw.sh
thaw
date -u "$1" >/dev/null || exit 125
ps -ax -o pid=
