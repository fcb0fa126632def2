# Arguments: the initial processes, the login user, the number of secrets, their targets, then the junctions to the caches, all
# in reverse.
. ./lib/start.sh
. ./lib/kill-stray-processes.sh
. ./lib/remove-secret.sh
. ./lib/remove-junction.sh
kill_stray_processes "$1" "$2"
index=$3
shift 3
while [ "$index" -gt 0 ]; do
  index=$((index - 1))
  remove_secret $index "$1"
  shift
done
for junction; do remove_junction "$junction"; done
