# Arguments: the login user, and the maps of the processes of the boot.
. ./lib/collect-baseline.sh
programs=$2 places= queues= home= digest=
while read -r _ _ _ _ place _ rest; do
  case " $rest" in
    *' - tmpfs '* | *' - ramfs '*) places="$places $place" ;;
    *' - mqueue '*) queues=$place ;;
  esac
done </proc/self/mountinfo
while IFS=: read -r name _ _ _ _ path _; do
  [ "$name" != "$1" ] || home=$path
done </etc/passwd
# shellcheck disable=SC2035
settings=$(cd /proc/sys && find * -type f)
# shellcheck disable=SC2086
echo "settings:" $settings
echo "home: $home"
collect_baseline
