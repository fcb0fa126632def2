# As posix/scripts/lib/make-directories-as-root.sh, where doas has kept another PATH.
PATH=/sbin:/usr/sbin:/bin:/usr/bin
export PATH
. ../../../posix/scripts/lib/make-directories-as-root.sh
