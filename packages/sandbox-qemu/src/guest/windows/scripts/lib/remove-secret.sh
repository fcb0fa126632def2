# "remove_secret INDEX TARGET" overwrites the file with zeros first: NTFS keeps the data of a removed file on the disk.
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
  directory=${target%/*}
  while [ "$parents" -gt 0 ] && rmdir -- "$directory" 2>/dev/null; do
    parents=$((parents - 1)) directory=${directory%/*}
  done
}
