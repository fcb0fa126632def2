# "show_login_shell USER" prints the login shell of a user of /etc/passwd, in the words of identity.ts. Without a program: each that is
# started costs milliseconds under emulation.
show_login_shell() {
  while IFS=: read -r name _ _ _ _ _ shell || [ -n "$name" ]; do
    [ "$name" = "$1" ] || continue
    echo "obuilder: the login shell is ${shell:-/bin/sh}"
    break
  done </etc/passwd
}
