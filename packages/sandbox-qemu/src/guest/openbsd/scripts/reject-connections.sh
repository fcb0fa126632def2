# As root. Arguments: networks, more specific than a default route and than that of QEMU's name server. Connections to them fail
# at once. What the guest cannot do is left out.
. ./lib/start.sh
for network; do
  case $network in
    *:*) route -qn add -inet6 -net "${network%/*}" -prefixlen "${network#*/}" ::1 -reject ;;
    *) route -qn add -inet -net "$network" 127.0.0.1 -reject ;;
  esac
done >/dev/null 2>&1
:
