# Prints the machine's SKU number, which Windows reads from SMBIOS when it boots. Microsoft's reference of
# Windows commands: reg query.
. ./lib/start.sh
exec "$(cygpath -S)/reg.exe" query 'HKLM\HARDWARE\DESCRIPTION\System\BIOS' /v SystemSKU </dev/null 2>/dev/null
