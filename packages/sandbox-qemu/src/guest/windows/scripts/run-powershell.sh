# Argument: a script for PowerShell, encoded. PowerShell would wait for the end of the standard input.
. ./lib/start.sh
powershell -NoProfile -NonInteractive -OutputFormat Text -EncodedCommand "$1" </dev/null
