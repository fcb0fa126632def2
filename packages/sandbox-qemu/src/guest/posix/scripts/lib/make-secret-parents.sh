# Makes the directories above $target. $parents: how many.
parents=0 parent=${target%/*}
while [ -n "$parent" ] && [ ! -e "$parent" ]; do
  parents=$((parents + 1)) parent=${parent%/*}
done
[ $parents = 0 ] || mkdir -p -- "${target%/*}" || exit 125
[ ! -d "$target" ] || fail "$target is a directory"
