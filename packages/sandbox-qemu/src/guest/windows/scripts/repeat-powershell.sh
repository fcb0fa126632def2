# Argument: a script for PowerShell, encoded, that can be run again if it fails: Windows detects new disks, and makes their
# partitions writable, in its own time. PowerShell would wait for the end of the standard input. Its status is that of `exit`
# (Microsoft's reference of PowerShell 5.1: about_PowerShell_exe).
. ./lib/start.sh
tries=0
until said=$(powershell -NoProfile -NonInteractive -OutputFormat Text -EncodedCommand "$1" </dev/null 2>&1); do
  tries=$((tries + 1))
  [ $tries -le 10 ] || fail "$said"
  sleep 3
done
