# Removes the directories that make-secret-parents.sh made above $target, as far as they are empty.
remove_secret_parents() {
  directory=${target%/*}
  while [ "$parents" -gt 0 ] && rmdir -- "$directory" 2>/dev/null; do
    parents=$((parents - 1)) directory=${directory%/*}
  done
}
