# As root. Arguments: the login user, and for how many minutes its step has run.
# Prints "problem: TEXT" for what makes a login impossible, and otherwise one line for each file that a login depends on and that
# was changed in that time. A few names are looked up in each directory, by one process: most steps change none of them.
# OpenBSD's find has -cmin and -path (openbsd/src usr.bin/find/function.c c_cmin, c_path).
problem() { printf 'problem: %s\n' "$*"; exit 0; }
while IFS=: read -r name _ _ _ _ home shell || [ -n "$name" ]; do
  # OpenBSD's /etc/passwd has as many fields as Linux'.
  [ "$name" != "$1" ] || break
  name=
done </etc/passwd
[ -n "$name" ] || problem "the user $1 is not in /etc/passwd"
shell=${shell:-/bin/sh}
case $shell in */false | */nologin) problem "the login shell of $1 is $shell" ;; esac
[ -x "$shell" ] || problem "the login shell of $1, $shell, is not an executable file"
[ -d "$home" ] || problem "the home directory of $1, $home, is missing"
[ -e "$home/.ssh/authorized_keys" ] || echo "there is no $home/.ssh/authorized_keys"
minutes=$2
set -- "$shell"
for path in /etc/passwd /etc/shadow /etc/master.passwd /etc/group /etc/nologin /etc/shells /etc/hosts.allow /etc/hosts.deny \
  /etc/nsswitch.conf /etc/login.* /etc/ssh /etc/ssh/* /etc/ssh/*/* /etc/sudoers /etc/sudoers.d /etc/sudoers.d/* /etc/doas.conf \
  /etc/pam.d /etc/pam.d/* /etc/security /etc/security/* /etc/environment /etc/profile /etc/bash.bashrc /etc/csh.* /etc/zsh* \
  /etc/zsh/* /etc/fish/* /bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin /usr/sbin/sshd /usr/bin/sudo \
  "$home"/.ssh "$home"/.ssh/* "$home"/.bash* "$home"/.profile "$home"/.z* "$home"/.*cshrc "$home"/.login "$home"/.*kshrc \
  "$home"/.rcrc "$home"/.config/fish/*; do
  [ ! -e "$path" ] || set -- "$@" "$path"
done
find "$home" "$@" -prune \( ! -type l \( -perm -0020 -o -perm -0002 \) -o ! -path "$home" -cmin "-$minutes" \) -exec ls -dlic {} +
