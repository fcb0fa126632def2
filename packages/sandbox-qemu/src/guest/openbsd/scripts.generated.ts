// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.

export const captureBaseline = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
print_mounts() { mount | sed 's/^/mount: /'; }
on_disks() { mount | awk '$2 == "on" && $4 == "type" && $5 == "ffs" { print $3 }'; }
loggers="syslogd pflogd"
list=$(mount) || exit 125
case $list in *read-only*) echo "no: it has a file system that is read-only"; exit 0 ;; esac
print_mounts`;

export const findOwner = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
resolve_user() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
resolve_groups() {
  case $1 in uid) groups=$gid ;; *) groups=$(id -G "$name") ;; esac
}
become='my ($uid, $gid, $groups) = splice @ARGV, 0, 3;
$( = $gid; $) = "$gid $groups"; ($<, $>) = ($uid, $uid);
$< == $uid && $> == $uid or die "obuilder: cannot become the user $uid\\n";
exec { $ARGV[0] } @ARGV or die "obuilder: $ARGV[0]: $!\\n";'
run_as() { perl -e "$become" "$uid" "$gid" "$groups" "$@"; }
resolve_user name "$1"
echo "obuilder: the owner is $uid:$gid"`;

export const flush = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
kill_stray_processes() {
  keep=" $1 " process=$$
  while [ "$process" -gt 1 ]; do
    keep="$keep$process "
    process=$(($(ps -o ppid= -p "$process")))
  done
  read -r own <<LOGIN
$(ps -o login= -p $$)
LOGIN
  rounds=0
  while [ $rounds -lt 100 ]; do
    left=
    while read -r process parent login state name; do
      case $keep in *" $process "*) continue ;; esac
      case $state in Z*) continue ;; esac
      case $name in ps | mount_mfs) continue ;; esac
      [ "$login" != root ] || [ "$own" = root ] || continue
      [ "$parent:$name" != 1:getty ] || continue
      [ "$parent" = $$ ] || left="$left $process"
    done <<LIST
$(ps -ax -o pid= -o ppid= -o login= -o state= -o ucomm=)
LIST
    [ -n "$left" ] || return 0
    kill -9 $left 2>/dev/null
    rounds=$((rounds + 1))
    [ $rounds = 1 ] || sleep 0.05
  done
}
kill_stray_processes "$1"
sync
sync`;

export const killStrayProcesses = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
kill_stray_processes() {
  keep=" $1 " process=$$
  while [ "$process" -gt 1 ]; do
    keep="$keep$process "
    process=$(($(ps -o ppid= -p "$process")))
  done
  read -r own <<LOGIN
$(ps -o login= -p $$)
LOGIN
  rounds=0
  while [ $rounds -lt 100 ]; do
    left=
    while read -r process parent login state name; do
      case $keep in *" $process "*) continue ;; esac
      case $state in Z*) continue ;; esac
      case $name in ps | mount_mfs) continue ;; esac
      [ "$login" != root ] || [ "$own" = root ] || continue
      [ "$parent:$name" != 1:getty ] || continue
      [ "$parent" = $$ ] || left="$left $process"
    done <<LIST
$(ps -ax -o pid= -o ppid= -o login= -o state= -o ucomm=)
LIST
    [ -n "$left" ] || return 0
    kill -9 $left 2>/dev/null
    rounds=$((rounds + 1))
    [ $rounds = 1 ] || sleep 0.05
  done
}
kill_stray_processes "$1"`;

export const listProcesses = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
exec ps -ax -o pid=`;

export const mountCache = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
resolve_user() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
resolve_groups() {
  case $1 in uid) groups=$gid ;; *) groups=$(id -G "$name") ;; esac
}
become='my ($uid, $gid, $groups) = splice @ARGV, 0, 3;
$( = $gid; $) = "$gid $groups"; ($<, $>) = ($uid, $uid);
$< == $uid && $> == $uid or die "obuilder: cannot become the user $uid\\n";
exec { $ARGV[0] } @ARGV or die "obuilder: $ARGV[0]: $!\\n";'
run_as() { perl -e "$become" "$uid" "$gid" "$groups" "$@"; }
disk=sd$1 target=$2 formatted=$3
resolve_user "$4" "$5" "$6"
resolve_groups "$4"
[ -b "/dev/\${disk}a" ] || (cd /dev && sh MAKEDEV "$disk") || fail "the guest has no device $disk"
said() { "$@" </dev/null 2>&1; }
if [ "$formatted" = no ]; then
  output=$(said fdisk -iy "$disk") || fail "cannot partition $disk: $output"
  output=$(printf 'a a\\n\\n\\n\\nw\\nq\\n' | disklabel -E "$disk" 2>&1) || fail "cannot label $disk: $output"
  output=$(said newfs "/dev/r\${disk}a") || fail "cannot make a file system on $disk: $output"
else
  check() { output=$(said fsck -y "/dev/\${disk}a") || fail "cannot repair the file system of $disk: $output"; }
  check
  case $output in *'PLEASE RERUN FSCK'*) check ;; esac
fi
[ -d "$target" ] || run_as mkdir -p -- "$target" 2>/dev/null || mkdir -p -- "$target" || exit 125
mounted=$(said mount -o async,noatime "/dev/\${disk}a" "$target") || fail "cannot mount $disk: $mounted
$output"
for entry in "$target"/* "$target"/.[!.]* "$target"/..?*; do
  case $entry in */lost+found) continue ;; esac
  if [ -e "$entry" ] || [ -L "$entry" ]; then exit 0; fi
done
chown "$uid:$gid" "$target"`;

export const putSecret = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
resolve_user() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
resolve_groups() {
  case $1 in uid) groups=$gid ;; *) groups=$(id -G "$name") ;; esac
}
become='my ($uid, $gid, $groups) = splice @ARGV, 0, 3;
$( = $gid; $) = "$gid $groups"; ($<, $>) = ($uid, $uid);
$< == $uid && $> == $uid or die "obuilder: cannot become the user $uid\\n";
exec { $ARGV[0] } @ARGV or die "obuilder: $ARGV[0]: $!\\n";'
run_as() { perl -e "$become" "$uid" "$gid" "$groups" "$@"; }
index=$1 target=$2 memory=/var/run/obuilder
resolve_user "$3" "$4" "$5"
resolve_groups "$3"
[ -e "$memory/mounted" ] || [ -e "$memory/on-disk" ] || {
  mkdir -p -- "$memory" || exit 125
  if mount_mfs -s 65536 -o nodev,nosuid swap "$memory" 2>/dev/null; then
    : >"$memory/mounted"
  else
    : >"$memory/on-disk"
  fi
  chmod 0711 "$memory" || exit 125
}
(umask 077 && cat >"$memory/secret-$index") || exit 125
chown "$uid:$gid" "$memory/secret-$index" && chmod 0400 "$memory/secret-$index" || exit 125
parents=0 parent=\${target%/*}
while [ -n "$parent" ] && [ ! -e "$parent" ]; do
  parents=$((parents + 1)) parent=\${parent%/*}
done
[ $parents = 0 ] || mkdir -p -- "\${target%/*}" || exit 125
[ ! -d "$target" ] || fail "$target is a directory"
if [ -e "$target" ] || [ -L "$target" ]; then mv -- "$target" "$target.obuilder-kept" || exit 125; fi
echo $parents >"$memory/made-$index"
ln -s "$memory/secret-$index" "$target"`;

export const rejectConnections = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
for network; do
  case $network in
    *:*) family=-inet6 gateway=::1 ;;
    *) family=-inet gateway=127.0.0.1 ;;
  esac
  route -qn add $family -net "\${network%/*}" -prefixlen "\${network#*/}" $gateway -reject
done >/dev/null 2>&1
:`;

export const resetAndFlush = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
kill_stray_processes() {
  keep=" $1 " process=$$
  while [ "$process" -gt 1 ]; do
    keep="$keep$process "
    process=$(($(ps -o ppid= -p "$process")))
  done
  read -r own <<LOGIN
$(ps -o login= -p $$)
LOGIN
  rounds=0
  while [ $rounds -lt 100 ]; do
    left=
    while read -r process parent login state name; do
      case $keep in *" $process "*) continue ;; esac
      case $state in Z*) continue ;; esac
      case $name in ps | mount_mfs) continue ;; esac
      [ "$login" != root ] || [ "$own" = root ] || continue
      [ "$parent:$name" != 1:getty ] || continue
      [ "$parent" = $$ ] || left="$left $process"
    done <<LIST
$(ps -ax -o pid= -o ppid= -o login= -o state= -o ucomm=)
LIST
    [ -n "$left" ] || return 0
    kill -9 $left 2>/dev/null
    rounds=$((rounds + 1))
    [ $rounds = 1 ] || sleep 0.05
  done
}
print_mounts() { mount | sed 's/^/mount: /'; }
on_disks() { mount | awk '$2 == "on" && $4 == "type" && $5 == "ffs" { print $3 }'; }
loggers="syslogd pflogd"
thaw() {
  for directory in $(on_disks | sort); do mount -u -w "$directory" || exit 125; done
  for daemon in $(rcctl ls failed 2>/dev/null); do
    case " $loggers " in *" $daemon "*) rcctl start "$daemon" >/dev/null 2>&1 ;; esac
  done
}
kill_stray_processes "$1"
print_mounts
for daemon in $loggers; do rcctl check "$daemon" >/dev/null 2>&1 && rcctl stop "$daemon" >/dev/null 2>&1; done
sync
for directory in $(on_disks | sort -r); do
  mount -u -r "$directory" 2>/dev/null || { thaw; exit 0; }
done
echo 'obuilder: frozen'`;

export const runAsLoginUser = `make_directories() {
  way= rest=\${1#/}/
  while [ -n "$rest" ]; do
    way=$way/\${rest%%/*} rest=\${rest#*/}
    [ -d "$way" ] || { mkdir -m 0755 -- "$way" && chown "$uid:$gid" "$way"; } || return
  done
}
mode=$1 command=$2 directory=$3 shell=$SHELL
shift 3
cd -- "$directory" 2>/dev/null || {
  (
    PATH=/sbin:/usr/sbin:/bin:/usr/bin
    export PATH
    uid=$(id -u) gid=$(id -g)
    make_directories "$directory" 2>/dev/null ||
      doas -n -- /bin/sh -c 'PATH=/sbin:/usr/sbin:/bin:/usr/bin
export PATH
make_directories() {
  way= rest=\${1#/}/
  while [ -n "$rest" ]; do
    way=$way/\${rest%%/*} rest=\${rest#*/}
    [ -d "$way" ] || { mkdir -m 0755 -- "$way" && chown "$uid:$gid" "$way"; } || return
  done
}
uid=$2 gid=$3
make_directories "$1"' sh "$directory" "$uid" "$gid"
  )
  cd -- "$directory" || { printf 'obuilder: cannot enter %s\\n' "$directory" >&2; exit 125; }
}
case $mode in
  login) set -- "$@" "\${shell:-/bin/sh}" -c "$command" ;;
  *) set -- "$@" "$command" ;;
esac
unset SSH_CLIENT SSH_CONNECTION SSH_TTY OLDPWD
exec env -- "$@" </dev/null`;

export const runAsUser = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
resolve_user() {
  while IFS=: read -r name _ uid gid _ home shell || [ -n "$name" ]; do
    case $1 in
      uid) [ "$uid" = "$2" ] && break ;;
      *) [ "$name" = "$2" ] && break ;;
    esac
    name=
  done </etc/passwd
  if [ "$1" = uid ]; then
    uid=$2 gid=$3
    [ -n "$name" ] || name=$2 home=/ shell=/bin/sh
  else
    [ -n "$name" ] || fail "the guest has no user $2"
  fi
  case $shell in '' | */nologin | */false) shell=/bin/sh ;; esac
}
resolve_groups() {
  case $1 in uid) groups=$gid ;; *) groups=$(id -G "$name") ;; esac
}
become='my ($uid, $gid, $groups) = splice @ARGV, 0, 3;
$( = $gid; $) = "$gid $groups"; ($<, $>) = ($uid, $uid);
$< == $uid && $> == $uid or die "obuilder: cannot become the user $uid\\n";
exec { $ARGV[0] } @ARGV or die "obuilder: $ARGV[0]: $!\\n";'
run_as() { perl -e "$become" "$uid" "$gid" "$groups" "$@"; }
make_directories() {
  way= rest=\${1#/}/
  while [ -n "$rest" ]; do
    way=$way/\${rest%%/*} rest=\${rest#*/}
    [ -d "$way" ] || { mkdir -m 0755 -- "$way" && chown "$uid:$gid" "$way"; } || return
  done
}
resolve_user "$1" "$2" "$3"
resolve_groups "$1"
mode=$4 command=$5 directory=$6
shift 6
make_directories "$directory"
cd -- "$directory" || fail "cannot enter $directory"
case $mode in
  login) set -- "$@" "$shell" -c "$command" ;;
  file)
    case \${shell##*/} in
      *csh | fish | rc | es) set -- "$@" "$shell" "$command" ;;
      *) set -- "$@" "$shell" -c ". $command" ;;
    esac
    ;;
  *) set -- "$@" "$command" ;;
esac
if [ -f "$home/.ssh/environment" ]; then
  session=$(run_as sed '1!G;h;$!d' "$home/.ssh/environment" </dev/null 2>/dev/null)
  while IFS= read -r variable; do
    case $variable in [A-Za-z_]*=*) set -- "$variable" "$@" ;; esac
  done <<SESSION
$session
SESSION
fi
exec perl -e "$become" "$uid" "$gid" "$groups" env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin:/usr/X11R6/bin:/usr/local/bin:/usr/local/sbin \\
  HOME="$home" USER="$name" LOGNAME="$name" SHELL="$shell" "$@" </dev/null`;

export const thaw = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
print_mounts() { mount | sed 's/^/mount: /'; }
on_disks() { mount | awk '$2 == "on" && $4 == "type" && $5 == "ffs" { print $3 }'; }
loggers="syslogd pflogd"
thaw() {
  for directory in $(on_disks | sort); do mount -u -w "$directory" || exit 125; done
  for daemon in $(rcctl ls failed 2>/dev/null); do
    case " $loggers " in *" $daemon "*) rcctl start "$daemon" >/dev/null 2>&1 ;; esac
  done
}
thaw
date -u "$1" >/dev/null || exit 125
ps -ax -o pid=`;

export const unmountAll = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
kill_stray_processes() {
  keep=" $1 " process=$$
  while [ "$process" -gt 1 ]; do
    keep="$keep$process "
    process=$(($(ps -o ppid= -p "$process")))
  done
  read -r own <<LOGIN
$(ps -o login= -p $$)
LOGIN
  rounds=0
  while [ $rounds -lt 100 ]; do
    left=
    while read -r process parent login state name; do
      case $keep in *" $process "*) continue ;; esac
      case $state in Z*) continue ;; esac
      case $name in ps | mount_mfs) continue ;; esac
      [ "$login" != root ] || [ "$own" = root ] || continue
      [ "$parent:$name" != 1:getty ] || continue
      [ "$parent" = $$ ] || left="$left $process"
    done <<LIST
$(ps -ax -o pid= -o ppid= -o login= -o state= -o ucomm=)
LIST
    [ -n "$left" ] || return 0
    kill -9 $left 2>/dev/null
    rounds=$((rounds + 1))
    [ $rounds = 1 ] || sleep 0.05
  done
}
unmount() {
  tries=0
  until umount "$1" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -le 20 ] || { umount "$1"; return 1; }
    sleep 0.1
  done
}
kill_stray_processes "$1"
remove_secret_parents() {
  directory=\${target%/*}
  while [ "$parents" -gt 0 ] && rmdir -- "$directory" 2>/dev/null; do
    parents=$((parents - 1)) directory=\${directory%/*}
  done
}
index=$2 memory=/var/run/obuilder
shift 2
while [ "$index" -gt 0 ]; do
  index=$((index - 1))
  target=$1
  shift
  rm -f -- "$target" || exit 125
  if [ -e "$target.obuilder-kept" ] || [ -L "$target.obuilder-kept" ]; then
    mv -- "$target.obuilder-kept" "$target" || exit 125
  fi
  read -r parents <"$memory/made-$index"
  remove_secret_parents
  if [ -e "$memory/on-disk" ]; then
    secret=$memory/secret-$index
    set -- "$(wc -c <"$secret")" "$@"
    dd if=/dev/zero of="$secret" bs=512 count=$((($1 + 511) / 512)) conv=notrunc 2>/dev/null || exit 125
    shift
  fi
done
if [ -e "$memory/mounted" ]; then unmount "$memory" && rmdir "$memory" || exit 125; fi
if [ -e "$memory/on-disk" ]; then sync; rm -rf "$memory" || exit 125; fi
for target; do
  unmount "$target" || fail "the cache at $target is still in use"
done`;

export const unpack = `PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/bin:/usr/local/sbin
export PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
command -v gtar >/dev/null || fail "the guest has no gtar: its image needs the package gtar"
tar=gtar
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
