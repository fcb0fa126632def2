// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.

export const checkFreeSpace = `set -- $(df -P -k "$1" | tail -n 1)
while [ $# -gt 6 ]; do shift; done
echo "$(($4 / 1024)) MiB of $(($2 / 1024)) MiB"
[ "$4" -ge 1048576 ]`;

export const checkLogin = `problem() { printf 'problem: %s\\n' "$*"; exit 0; }
while IFS=: read -r name _ _ _ _ home shell || [ -n "$name" ]; do
  [ "$name" != "$1" ] || break
  name=
done </etc/passwd
[ -n "$name" ] || problem "the user $1 is not in /etc/passwd"
shell=\${shell:-/bin/sh}
case $shell in */false | */nologin) problem "the login shell of $1 is $shell" ;; esac
[ -x "$shell" ] || problem "the login shell of $1, $shell, is not an executable file"
[ -d "$home" ] || problem "the home directory of $1, $home, is missing"
[ -e "$home/.ssh/authorized_keys" ] || echo "there is no $home/.ssh/authorized_keys"
minutes=$2
set -- "$shell"
for path in /etc/passwd /etc/shadow /etc/master.passwd /etc/group /etc/nologin /etc/shells /etc/hosts.allow /etc/hosts.deny \\
  /etc/nsswitch.conf /etc/login.* /etc/ssh /etc/ssh/* /etc/ssh/*/* /etc/sudoers /etc/sudoers.d /etc/sudoers.d/* /etc/doas.conf \\
  /etc/pam.d /etc/pam.d/* /etc/security /etc/security/* /etc/environment /etc/profile /etc/bash.bashrc /etc/csh.* /etc/zsh* \\
  /etc/zsh/* /etc/fish/* /bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin /usr/sbin/sshd /usr/bin/sudo \\
  "$home"/.ssh "$home"/.ssh/* "$home"/.bash* "$home"/.profile "$home"/.z* "$home"/.*cshrc "$home"/.login "$home"/.*kshrc \\
  "$home"/.rcrc "$home"/.config/fish/*; do
  [ ! -e "$path" ] || set -- "$@" "$path"
done
find "$home" "$@" -prune \\( ! -type l \\( -perm -0020 -o -perm -0002 \\) -o ! -path "$home" -cmin "-$minutes" \\) -exec ls -dlic {} +`;

export const fail = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }`;

export const keepDirectories = `case $("$tar" --version 2>/dev/null) in *GNU*) gnu=1 noting='--format=posix --no-unquote' ;; *) gnu=0 noting= ;; esac
keep_directories() {
  for kept in /dev/shm /run /var/run /tmp; do [ ! -d "$kept" ] || break; done
  kept=$kept/obuilder-copy-$$ notes=0 missing=
  IFS= read -r features
  attributes=
  case $features in *sparse*) [ "$gnu" = 1 ] || exit 123 ;; esac
  case $features in
    *xattrs*)
      if "$tar" --xattrs --version >/dev/null 2>&1; then attributes=yes
      else echo "obuilder: the tar of the guest cannot set extended attributes: they are left out" >&2; fi
      ;;
  esac
  set -- ./
  while IFS= read -r name && [ -n "$name" ]; do
    case $name in *\\\\*) name=$(printf '%bx' "$name") name=\${name%x} ;; esac
    case $name in
      ///*)
        named=\${name#///} bounds=/$named
        ! cd -P -- "$bounds" 2>/dev/null || bounds=$PWD
        bounds=\${bounds%/}
        continue
        ;;
      //*) at=\${name#//} bounded=yes ;;
      *) at=\${name#/} bounded= ;;
    esac
    case $at/ in "$missing"/*) continue ;; esac
    if cd -P -- "/$at" 2>/dev/null; then
      [ -z "$bounded" ] || [ -z "$bounds" ] || [ "$PWD" = "$bounds\${at#"$named"}" ] || check_link
      set -- "$@" ".$PWD"
      [ $# -lt 100 ] || { record_directories "$@"; set --; }
    else
      case $name in
        //*) ;;
        /*) if [ -e "$name" ] || [ -L "$name" ]; then fail "$name is not a directory"; fi ;;
      esac
      missing=$at
    fi
  done
  cd / || exit 125
  [ $# = 0 ] || record_directories "$@"
}
check_link() {
  case $PWD/ in "$bounds"/*) ;; *) fail "/$at is a link out of the destination /$named, to $PWD" ;; esac
  case $features in *links*) fail "/$at is a link, and the copy has links and a directory there" ;; esac
}
record_directories() {
  rm -rf -- "$kept-$notes"
  (umask 077 && exec "$tar" $noting --no-recursion -C / -cf "$kept-$notes" "$@" 2>/dev/null)
  [ $? -le $gnu ] || fail "the guest's tar cannot record what its directories are like"
  notes=$((notes + 1))
}
unpacked() {
  status=$1
  while [ "$notes" -gt 0 ]; do
    notes=$((notes - 1))
    [ "$status" != 0 ] || "$tar" -C / -xf "$kept-$notes" || status=$?
    rm -f -- "$kept-$notes"
  done
  exit "$status"
}`;

export const makeDirectories = `make_directories() {
  way= rest=\${1#/}/
  while [ -n "$rest" ]; do
    way=$way/\${rest%%/*} rest=\${rest#*/}
    [ -d "$way" ] || { mkdir -m 0755 -- "$way" && chown "$uid:$gid" "$way"; } || return
  done
}`;

export const readArchive = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
path=$1
shift
flag=
if [ -d "$path" ] && { [ "$follow" != no ] || [ ! -L "$path" ]; }; then
  cd -- "$path" || fail "cannot enter $path"
  item=.
  if [ "$follow" = all ]; then
    flag=-h
    loops=$(find -L . -xdev 2>&1 >/dev/null) || fail "$loops"
  fi
elif [ -e "$path" ] || { [ "$follow" = no ] && [ -L "$path" ]; }; then
  cd -- "\${path%/*}/" || fail "cannot enter \${path%/*}/"
  item=./\${path##*/}
  if [ "$follow" != no ]; then flag=-h; fi
  set --
else
  exit 66
fi
case $("$tar" --version 2>/dev/null) in
  *GNU*) gnu=1 ;;
  *) gnu=0 ;;
esac
for name; do
  [ $gnu = 0 ] || set -- "$@" "--exclude=$name"
  shift
done
if [ $gnu = 0 ]; then
  echo "not GNU tar: extended attributes are not copied, and holes in files are filled" >&2
else
  set -- --sparse --one-file-system --no-wildcards "$@"
  if "$tar" --xattrs --version >/dev/null 2>&1; then
    set -- --format=posix --pax-option=delete=atime,delete=ctime,delete=mtime --xattrs "--xattrs-include=*" "$@"
  else
    set -- --format=gnu "$@"
  fi
fi
LC_ALL=C "$tar" "$@" -cf - $flag "$item"
status=$?
[ $status -le $gnu ] || exit $status`;

export const realTargets = `for path; do
  rest=
  while [ -n "$path" ] && [ ! -d "$path" ]; do rest=/\${path##*/}$rest path=\${path%/*}; done
  path=$(cd -P -- "\${path:-/}" && pwd) || exit 125
  path=\${path%/}$rest
  printf '%s\\n' "\${path:-/}"
done`;

export const serveLogin = `PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
server=$(command -v sshd) || exit 69
config=$("$server" -T -C "user=$1,host=localhost,addr=10.0.2.2,laddr=10.0.2.15,lport=22") || exit 1
case $config in *[Uu]sers\\ *@*) exit 69 ;; esac
case "$config
" in
  *:22"
"*) ;;
  *) echo "the SSH server does not listen on port 22" >&2; exit 1 ;;
esac
exec "$server" -i -e -o LogLevel=INFO`;

export const unpack = `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
case $("$tar" --version 2>/dev/null) in *GNU*) gnu=1 noting='--format=posix --no-unquote' ;; *) gnu=0 noting= ;; esac
keep_directories() {
  for kept in /dev/shm /run /var/run /tmp; do [ ! -d "$kept" ] || break; done
  kept=$kept/obuilder-copy-$$ notes=0 missing=
  IFS= read -r features
  attributes=
  case $features in *sparse*) [ "$gnu" = 1 ] || exit 123 ;; esac
  case $features in
    *xattrs*)
      if "$tar" --xattrs --version >/dev/null 2>&1; then attributes=yes
      else echo "obuilder: the tar of the guest cannot set extended attributes: they are left out" >&2; fi
      ;;
  esac
  set -- ./
  while IFS= read -r name && [ -n "$name" ]; do
    case $name in *\\\\*) name=$(printf '%bx' "$name") name=\${name%x} ;; esac
    case $name in
      ///*)
        named=\${name#///} bounds=/$named
        ! cd -P -- "$bounds" 2>/dev/null || bounds=$PWD
        bounds=\${bounds%/}
        continue
        ;;
      //*) at=\${name#//} bounded=yes ;;
      *) at=\${name#/} bounded= ;;
    esac
    case $at/ in "$missing"/*) continue ;; esac
    if cd -P -- "/$at" 2>/dev/null; then
      [ -z "$bounded" ] || [ -z "$bounds" ] || [ "$PWD" = "$bounds\${at#"$named"}" ] || check_link
      set -- "$@" ".$PWD"
      [ $# -lt 100 ] || { record_directories "$@"; set --; }
    else
      case $name in
        //*) ;;
        /*) if [ -e "$name" ] || [ -L "$name" ]; then fail "$name is not a directory"; fi ;;
      esac
      missing=$at
    fi
  done
  cd / || exit 125
  [ $# = 0 ] || record_directories "$@"
}
check_link() {
  case $PWD/ in "$bounds"/*) ;; *) fail "/$at is a link out of the destination /$named, to $PWD" ;; esac
  case $features in *links*) fail "/$at is a link, and the copy has links and a directory there" ;; esac
}
record_directories() {
  rm -rf -- "$kept-$notes"
  (umask 077 && exec "$tar" $noting --no-recursion -C / -cf "$kept-$notes" "$@" 2>/dev/null)
  [ $? -le $gnu ] || fail "the guest's tar cannot record what its directories are like"
  notes=$((notes + 1))
}
unpacked() {
  status=$1
  while [ "$notes" -gt 0 ]; do
    notes=$((notes - 1))
    [ "$status" != 0 ] || "$tar" -C / -xf "$kept-$notes" || status=$?
    rm -f -- "$kept-$notes"
  done
  exit "$status"
}
keep=
[ $gnu = 0 ] || keep=--keep-directory-symlink
keep_directories
"$tar" -x $keep \${attributes:+--xattrs "--xattrs-include=*"} -f - -C /
unpacked $?`;
