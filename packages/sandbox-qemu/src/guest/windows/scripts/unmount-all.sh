# Arguments: the number of secrets, their targets, then the junctions to the caches, all in reverse.
. ./lib/start.sh
. ./lib/remove-secret.sh
. ./lib/remove-junction.sh
index=$1
shift
while [ "$index" -gt 0 ]; do
  index=$((index - 1))
  remove_secret $index "$1"
  shift
done
for junction; do remove_junction "$junction"; done
