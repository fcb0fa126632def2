# Mounts the directory in memory, which is never swapped: for secrets, and commands too long for an argument.
memory=/run/obuilder
[ -e "$memory/mounted" ] || {
  mkdir -p "$memory" && mount -t ramfs -o mode=0711 ramfs "$memory" && : >"$memory/mounted" || exit 125
}
