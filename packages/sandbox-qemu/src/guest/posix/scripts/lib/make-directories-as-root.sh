# The same in a root shell of its own. Arguments: the path, uid and gid.
. ../make-directories.sh
uid=$2 gid=$3
make_directories "$1"
