# As root. Arguments: absolute paths. Prints where each leads, one a line, with its links followed as far as there is a directory.
for path; do
  rest=
  while [ -n "$path" ] && [ ! -d "$path" ]; do rest=/${path##*/}$rest path=${path%/*}; done
  path=$(cd -P -- "${path:-/}" && pwd) || exit 125
  path=${path%/}$rest
  printf '%s\n' "${path:-/}"
done
