# Prints what a TCP service of the host sends. Fails if it cannot be reached within some seconds.
if command -v bash >/dev/null 2>&1; then
  # The connection is ended from outside: timeout(1) does not exist everywhere.
  bash -c 'exec 3<>/dev/tcp/@HOST@/@PORT@ && cat <&3' 2>/dev/null &
else
  nc -w 5 @HOST@ @PORT@ </dev/null 2>/dev/null &
fi
client=$!
(sleep 8; kill "$client") >/dev/null 2>&1 &
limit=$!
wait "$client"
status=$?
kill "$limit" 2>/dev/null
exit "$status"
