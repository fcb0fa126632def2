// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.

export const checkCopy = `PATH=/usr/bin:$PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
has_digest() {
  sum=$(sha256sum <"$1")
  [ "\${sum%% *}" = "$2" ]
}
exec </dev/null
system=$(cygpath -w -S)
cd -- "$(cygpath -u "\${system%%\\\\*}\\\\")" || exit 125
has_digest "$1" "$2" || fail 'the list of what was sent did not arrive'
LC_ALL=C.UTF-8 sha256sum --check --quiet --strict -- "$1" >&2
same=$?
rm -f -- "$1"
[ $same = 0 ] || fail 'files did not arrive as they were sent'`;

export const checkCygwin = `PATH=/usr/bin:$PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
tasks() { "$(cygpath -S)/tasklist.exe" /fo csv /nh "$@" </dev/null 2>/dev/null; }
cygpath -S >/dev/null && sha256sum --version >/dev/null && command -v cmd >/dev/null || exit
while IFS='"' read -r _ _ _ process _; do
  case $process in '' | *[!0-9]*) ;; *) printf '%s ' "$process" ;; esac
done <<LIST
$(tasks)
LIST`;

export const flush = `PATH=/usr/bin:$PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
tasks() { "$(cygpath -S)/tasklist.exe" /fo csv /nh "$@" </dev/null 2>/dev/null; }
kill_stray_processes() {
  initial=" $1 " user=$2 own=$$ before='' rounds=0
  [ ! -e "/proc/$$/winpid" ] || read -r own <"/proc/$$/winpid"
  while [ $rounds -lt 30 ]; do
    list=$(tasks /fi "USERNAME eq $user")
    session='' now=''
    set --
    while IFS='"' read -r _ _ _ process _ _ _ number _; do
      [ "$process" != "$own" ] || session=$number
    done <<OWN
$list
OWN
    while IFS='"' read -r _ name _ process _ _ _ number _; do
      case $process in '' | "$own" | *[!0-9]*) continue ;; esac
      case $initial in *" $process "*) continue ;; esac
      [ -z "$session" ] || [ "$number" = "$session" ] || continue
      case $name in sshd*.exe | ssh-shellhost.exe | conhost.exe | tasklist.exe | taskkill.exe) continue ;; esac
      now="$now $process"
      case "$before " in *" $process "*) set -- "$@" /pid "$process" ;; esac
    done <<LIST
$list
LIST
    if [ $# -gt 0 ]; then
      "$(cygpath -S)/taskkill.exe" /f "$@" </dev/null >/dev/null 2>&1
    elif [ $rounds -gt 0 ] || [ -z "$now" ]; then
      return 0
    fi
    before=$now rounds=$((rounds + 1))
  done
}
kill_stray_processes "$1" "$2"
sync`;

export const killStrayProcesses = `PATH=/usr/bin:$PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
tasks() { "$(cygpath -S)/tasklist.exe" /fo csv /nh "$@" </dev/null 2>/dev/null; }
kill_stray_processes() {
  initial=" $1 " user=$2 own=$$ before='' rounds=0
  [ ! -e "/proc/$$/winpid" ] || read -r own <"/proc/$$/winpid"
  while [ $rounds -lt 30 ]; do
    list=$(tasks /fi "USERNAME eq $user")
    session='' now=''
    set --
    while IFS='"' read -r _ _ _ process _ _ _ number _; do
      [ "$process" != "$own" ] || session=$number
    done <<OWN
$list
OWN
    while IFS='"' read -r _ name _ process _ _ _ number _; do
      case $process in '' | "$own" | *[!0-9]*) continue ;; esac
      case $initial in *" $process "*) continue ;; esac
      [ -z "$session" ] || [ "$number" = "$session" ] || continue
      case $name in sshd*.exe | ssh-shellhost.exe | conhost.exe | tasklist.exe | taskkill.exe) continue ;; esac
      now="$now $process"
      case "$before " in *" $process "*) set -- "$@" /pid "$process" ;; esac
    done <<LIST
$list
LIST
    if [ $# -gt 0 ]; then
      "$(cygpath -S)/taskkill.exe" /f "$@" </dev/null >/dev/null 2>&1
    elif [ $rounds -gt 0 ] || [ -z "$now" ]; then
      return 0
    fi
    before=$now rounds=$((rounds + 1))
  done
}
kill_stray_processes "$1" "$2"`;

export const makeJunction = `PATH=/usr/bin:$PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
exec </dev/null
cmd /d /c rmdir "$1" >/dev/null 2>&1
cmd /d /c if exist "$1" rmdir /s /q "$1" >/dev/null
[ -z "$2" ] || cmd /d /c if not exist "$2" mkdir "$2" </dev/null >/dev/null
cmd /d /c mklink /j "$1" "$3\\\\" >/dev/null
at=$(cygpath -u "$1") drive=$(cygpath -u "$3\\\\")
mark=.obuilder-$RANDOM$RANDOM
{ [ -d "$drive" ] && : >"\${drive%/}/$mark"; } || fail "the guest has no drive $3"
[ -e "$at/$mark" ]
stands=$?
rm -f -- "\${drive%/}/$mark"
[ $stands = 0 ] || fail "the junction at $1 does not lead to $3"`;

export const prepareDisks = `$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
try {
  $disks = @(Get-Disk | Where-Object { -not $_.IsBoot -and -not $_.IsSystem } | Sort-Object -Property Number)
  if ($disks.Count -lt $formatted.Length) { throw 'Windows does not see all cache disks' }
  $known = @($serials | ForEach-Object { $serial = $_; $disks | Where-Object { ([string]$_.SerialNumber).Trim() -eq $serial } })
  if ($known.Count -eq $formatted.Length) { $disks = $known }
  $partitions = @()
  for ($i = 0; $i -lt $formatted.Length; $i++) {
    $number = $disks[$i].Number
    if ($disks[$i].IsOffline) { Set-Disk -Number $number -IsOffline $false }
    if ($disks[$i].IsReadOnly) { Set-Disk -Number $number -IsReadOnly $false }
    if ($formatted[$i] -eq '0') {
      if ((Get-Disk -Number $number).PartitionStyle -eq 'RAW') { Initialize-Disk -Number $number -PartitionStyle MBR }
      $partition = Get-Partition -DiskNumber $number -ErrorAction SilentlyContinue | Where-Object { $_.Type -ne 'Reserved' } | Select-Object -First 1
      if (-not $partition) { $partition = New-Partition -DiskNumber $number -UseMaximumSize -AssignDriveLetter }
      for ($tries = 0; $partition.IsReadOnly -and $tries -lt 30; $tries++) {
        Start-Sleep -Seconds 1
        $partition = Get-Partition -DiskNumber $number -PartitionNumber $partition.PartitionNumber
      }
      Format-Volume -Partition $partition -FileSystem NTFS -NewFileSystemLabel obuilder -Confirm:$false | Out-Null
    }
    $partitions += Get-Partition -DiskNumber $number | Where-Object { $_.Type -ne 'Reserved' } | Select-Object -First 1
  }
  function Letter($partition) { return ([string]$partition.DriveLetter).Trim([char]0).ToLower() }
  for ($i = 0; $i -lt $formatted.Length; $i++) {
    $has = Letter $partitions[$i]
    if ($has -and $has -ne [string][char](100 + $i)) {
      Remove-PartitionAccessPath -DiskNumber $partitions[$i].DiskNumber -PartitionNumber $partitions[$i].PartitionNumber -AccessPath ($has + ':\\')
    }
  }
  for ($i = 0; $i -lt $formatted.Length; $i++) {
    $letter = [string][char](100 + $i)
    $partition = Get-Partition -DiskNumber $partitions[$i].DiskNumber -PartitionNumber $partitions[$i].PartitionNumber
    if ((Letter $partition) -ne $letter) {
      Set-Partition -DiskNumber $partition.DiskNumber -PartitionNumber $partition.PartitionNumber -NewDriveLetter $letter
    }
  }
} catch {
  [Console]::Error.WriteLine($_.Exception.Message)
  exit 1
}
exit 0`;

export const putSecret = `PATH=/usr/bin:$PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
has_digest() {
  sum=$(sha256sum <"$1")
  [ "\${sum%% *}" = "$2" ]
}
IFS= read -r text
IFS= read -r digest
exec </dev/null
size=$3
target=$(cygpath -u "$2")
[ ! -d "$target" ] || fail "$target is a directory"
parents=0 parent=\${target%/*}
while [ -n "$parent" ] && [ ! -e "$parent" ]; do
  parents=$((parents + 1)) parent=\${parent%/*}
done
mkdir -p -- "\${target%/*}" && echo $parents >"/tmp/.obuilder-secret-$1" || exit 125
if [ -e "$target" ] || [ -L "$target" ]; then mv -- "$target" "$target.obuilder-kept" || exit 125; fi
room=$(((size + 1023) / 1024))
[ $room -ge 64 ] || room=64
dd if=/dev/zero of="$target" bs=1024 count=$room 2>/dev/null || exit 125
file=$(cygpath -w "$target")
{ icacls "$file" /reset && icacls "$file" /inheritance:r /grant:r "$4:F"; } >/dev/null || fail "cannot restrict $target"
printf %s "$text" | base64 -d | dd of="$target" bs=1024 conv=notrunc 2>/dev/null
truncate -s "$size" -- "$target"
has_digest "$target" "$digest" || fail 'a secret did not arrive as it was sent'`;

export const readArchive = `PATH=/usr/bin:$PATH
path=$(cygpath -u "$1") || exit 125
follow=$2
flag=
if [ -d "$path" ] && { [ "$follow" != no ] || [ ! -L "$path" ]; }; then
  cd -- "$path" || exit 125
  item=.
  if [ "$follow" = all ]; then
    flag=-h
    find -L . -xdev >/dev/null || exit 125
  fi
elif [ -e "$path" ] || { [ "$follow" = no ] && [ -L "$path" ]; }; then
  cd -- "\${path%/*}/" || exit 125
  item=./\${path##*/}
  if [ "$follow" != no ]; then flag=-h; fi
else
  exit 66
fi
exec "$(cygpath -S)/tar.exe" -cf - $flag "$item"`;

export const repeatPowershell = `PATH=/usr/bin:$PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
tries=0
until said=$(powershell -NoProfile -NonInteractive -OutputFormat Text -EncodedCommand "$1" </dev/null 2>&1); do
  tries=$((tries + 1))
  [ $tries -le 10 ] || fail "$said"
  sleep 3
done`;

export const run = `directory=$(PATH=/usr/bin:$PATH cygpath -u "$1")
shift
cd -- "$directory" 2>/dev/null || {
  PATH=/usr/bin:$PATH mkdir -p -- "$directory"
  cd -- "$directory" || { printf 'obuilder: cannot enter %s\\n' "$directory" >&2; exit 125; }
}
unset directory OLDPWD
exec /usr/bin/env -u SSH_CLIENT -u SSH_CONNECTION -u SSH_TTY "$@" </dev/null`;

export const showIdentity = `PATH=/usr/bin:$PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
exec "$(cygpath -S)/reg.exe" query 'HKLM\\HARDWARE\\DESCRIPTION\\System\\BIOS' /v SystemSKU </dev/null 2>/dev/null`;

export const unmountAll = `PATH=/usr/bin:$PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
tasks() { "$(cygpath -S)/tasklist.exe" /fo csv /nh "$@" </dev/null 2>/dev/null; }
kill_stray_processes() {
  initial=" $1 " user=$2 own=$$ before='' rounds=0
  [ ! -e "/proc/$$/winpid" ] || read -r own <"/proc/$$/winpid"
  while [ $rounds -lt 30 ]; do
    list=$(tasks /fi "USERNAME eq $user")
    session='' now=''
    set --
    while IFS='"' read -r _ _ _ process _ _ _ number _; do
      [ "$process" != "$own" ] || session=$number
    done <<OWN
$list
OWN
    while IFS='"' read -r _ name _ process _ _ _ number _; do
      case $process in '' | "$own" | *[!0-9]*) continue ;; esac
      case $initial in *" $process "*) continue ;; esac
      [ -z "$session" ] || [ "$number" = "$session" ] || continue
      case $name in sshd*.exe | ssh-shellhost.exe | conhost.exe | tasklist.exe | taskkill.exe) continue ;; esac
      now="$now $process"
      case "$before " in *" $process "*) set -- "$@" /pid "$process" ;; esac
    done <<LIST
$list
LIST
    if [ $# -gt 0 ]; then
      "$(cygpath -S)/taskkill.exe" /f "$@" </dev/null >/dev/null 2>&1
    elif [ $rounds -gt 0 ] || [ -z "$now" ]; then
      return 0
    fi
    before=$now rounds=$((rounds + 1))
  done
}
remove_secret() {
  target=$(cygpath -u "$2")
  if [ -f "$target" ]; then
    size=$(stat -c %s -- "$target")
    dd if=/dev/zero of="$target" bs=1024 count=$(((size + 1023) / 1024)) conv=notrunc,fsync 2>/dev/null || exit 125
  fi
  rm -f -- "$target" || fail "cannot remove the secret at $target"
  if [ -e "$target.obuilder-kept" ] || [ -L "$target.obuilder-kept" ]; then
    mv -- "$target.obuilder-kept" "$target" || exit 125
  fi
  read -r parents <"/tmp/.obuilder-secret-$1"
  rm -f "/tmp/.obuilder-secret-$1"
  directory=\${target%/*}
  while [ "$parents" -gt 0 ] && rmdir -- "$directory" 2>/dev/null; do
    parents=$((parents - 1)) directory=\${directory%/*}
  done
}
remove_junction() {
  cmd /d /c rmdir "$1" </dev/null >/dev/null
  at=$(cygpath -u "$1")
  [ ! -e "$at" ] && [ ! -L "$at" ] || fail "the junction at $1 cannot be removed"
}
kill_stray_processes "$1" "$2"
index=$3
shift 3
while [ "$index" -gt 0 ]; do
  index=$((index - 1))
  remove_secret $index "$1"
  shift
done
for junction; do remove_junction "$junction"; done`;

export const unpackIso = `PATH=/usr/bin:$PATH
fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
exec </dev/null
drives=$(cygpath -u "d:\\\\")
drives=\${drives%/}
drives=\${drives%d}
tries=0 disc=
until [ -n "$disc" ]; do
  for letter in d e f g h i j k l m n o p q r s t u v w x y z; do
    disc=$drives$letter
    for name; do [ -f "$disc/$name" ] || { disc= && break; }; done
    [ -z "$disc" ] || break
  done
  [ -n "$disc" ] || {
    tries=$((tries + 1))
    [ $tries -le 300 ] || exit 124
    sleep 0.2
  }
done
cd -- "$(cygpath -S)" || exit 125
status=0
for name; do
  ./tar.exe -xf "$(cygpath -w "$disc/$name")" -C / || status=$?
  [ $status -le 1 ] || exit $status
done
exit $status`;

export const unpack = `cd -- "$(PATH=/usr/bin:$PATH cygpath -S)" || exit 125
exec ./tar.exe -xf - -C /`;
