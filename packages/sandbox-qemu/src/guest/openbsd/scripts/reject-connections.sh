# As root. Arguments: networks, more specific than a default route and than that of QEMU's name server. Connections to them fail
# at once. What the guest cannot do is left out. Not 0.0.0.0/1, which older releases take for a default route (openbsd/src
# sbin/route/route.c inet_makenetandmask until it had "bits == 0 && net == 0"); -prefixlen follows its network (newroute).
. ./lib/start.sh
for network; do
  case $network in
    *:*) family=-inet6 gateway=::1 ;;
    *) family=-inet gateway=127.0.0.1 ;;
  esac
  route -qn add $family -net "${network%/*}" -prefixlen "${network#*/}" $gateway -reject
done >/dev/null 2>&1
:
