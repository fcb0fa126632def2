# Arguments: the index of the secret, its target, its size in bytes, and the login user, who alone may read it. Standard input:
# the secret in base64 and then its sha256, one line each, since Cygwin's programs have been observed to read damaged input from
# Windows' sshd. NTFS stores small files in its file records, and journals those. The file is made larger first, so that the
# secret is in a cluster of its own, which can be overwritten.
. ./lib/start.sh
. ./lib/has-digest.sh
IFS= read -r text
IFS= read -r digest
exec </dev/null
size=$3
target=$(cygpath -u "$2")
[ ! -d "$target" ] || fail "$target is a directory"
parents=0 parent=${target%/*}
while [ -n "$parent" ] && [ ! -e "$parent" ]; do
  parents=$((parents + 1)) parent=${parent%/*}
done
mkdir -p -- "${target%/*}" && echo $parents >"/tmp/.obuilder-secret-$1" || exit 125
if [ -e "$target" ] || [ -L "$target" ]; then mv -- "$target" "$target.obuilder-kept" || exit 125; fi
room=$(((size + 1023) / 1024))
[ $room -ge 64 ] || room=64
dd if=/dev/zero of="$target" bs=1024 count=$room 2>/dev/null || exit 125
# Cygwin gives a new file entries of its own for the group and everybody (winsup/cygwin/security.cc set_created_file_access).
# /inheritance:r removes inherited entries only, /grant:r replaces the user's: /reset removes all others (Microsoft's reference of
# Windows commands: icacls).
file=$(cygpath -w "$target")
{ icacls "$file" /reset && icacls "$file" /inheritance:r /grant:r "$4:F"; } >/dev/null || fail "cannot restrict $target"
printf %s "$text" | base64 -d | dd of="$target" bs=1024 conv=notrunc 2>/dev/null
truncate -s "$size" -- "$target"
has_digest "$target" "$digest" || fail 'a secret did not arrive as it was sent'
