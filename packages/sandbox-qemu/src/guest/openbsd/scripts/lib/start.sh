# sshd gives no session a PATH with /sbin, and doas keeps what it finds: each script sets its own.
PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
. ../../../posix/scripts/fail.sh
