# As root. Argument: the login user. Serves one connection on standard input and output, as the next boot's SSH server would.
# Exits with 69 where that is not possible: another SSH server, or one that tells users apart by where they come from.
# openbsd/src usr.bin/ssh/sshd.c main: -T prints what holds for -C.
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
server=$(command -v sshd) || exit 69
config=$("$server" -T -C "user=$1,host=localhost,addr=10.0.2.2,laddr=10.0.2.15,lport=22") || exit 1
case $config in *[Uu]sers\ *@*) exit 69 ;; esac
case "$config
" in
  *:22"
"*) ;;
  *) echo "the SSH server does not listen on port 22" >&2; exit 1 ;;
esac
exec "$server" -i -e -o LogLevel=INFO
