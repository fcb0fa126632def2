# Arguments: the number of secrets, their targets, then the junctions to the caches.
. ./lib/start.sh
. ./lib/remove-secret.sh
. ./lib/remove-junction.sh
secrets=$1 index=0
shift
while [ $index -lt "$secrets" ]; do
  remove_secret $index "$1"
  shift
  index=$((index + 1))
done
for junction; do remove_junction "$junction"; done
