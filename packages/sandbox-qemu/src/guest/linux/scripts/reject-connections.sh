# As root. Arguments: networks, more specific than a default route and than that of QEMU's name server. Connections to them fail
# at once. An iproute2 that cannot add one of them adds the others. The busybox of our images starts no further program for each.
busybox=/usr/local/lib/obuilder/busybox
{
  if command -v ip && ip -V; then
    for network; do echo "route add unreachable $network metric 1"; done | ip -force -batch -
  elif [ -x $busybox ]; then
    # shellcheck disable=SC2016
    $busybox sh -c 'for network; do ip route add unreachable "$network" metric 1 & done; wait' sh "$@"
  fi
} >/dev/null 2>&1
:
