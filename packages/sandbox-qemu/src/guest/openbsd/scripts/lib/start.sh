# sshd gives a session the PATH of /etc/login.conf, in which an image may leave out /sbin (usr.bin/ssh/session.c do_setup_env),
# and doas passes on the PATH that it finds (usr.bin/doas/env.c): each script sets its own.
PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
. ../../../posix/scripts/fail.sh
