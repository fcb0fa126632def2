# As root, in a guest that was stopped while its root was frozen. Argument: the time, in seconds since 1970.
. ./lib/thaw.sh
thaw "$1"
