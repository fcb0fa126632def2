# The start of a script for Cygwin's bash. The system's PATH need not list Cygwin's programs first: System32 has a different
# `sort` and `find`. cygpath -S and -w -S print the system's directory (winsup/utils/cygpath.cc dowin).
PATH=/usr/bin:$PATH
. ../../../posix/scripts/fail.sh
