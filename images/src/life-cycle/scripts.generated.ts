// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.

export const fetchFromHost = `if command -v bash >/dev/null 2>&1; then
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
exit "$status"`;

export const survey = `PATH=$PATH:/usr/sbin:/sbin
say() { printf '%s=%s\\n' "$1" "$2"; }
say system "$(uname -srm 2>/dev/null)"
if [ -r /etc/os-release ]; then
  say release "$(. /etc/os-release && printf %s "$PRETTY_NAME")"
elif command -v cmd >/dev/null 2>&1; then
  say release "$(cmd /c ver </dev/null 2>/dev/null | tr -d '\\r\\n')"
fi
id -u nobody >/dev/null 2>&1 && say nobody yes
for tool in bash busybox getent nc ping reboot shutdown; do
  command -v "$tool" >/dev/null 2>&1 && say tool "$tool"
done
say shell "\${SHELL:-}"`;
