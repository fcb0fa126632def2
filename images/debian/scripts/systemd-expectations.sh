# The same for an image with systemd, after expectations.sh.
. ./lib/fail.sh
[ "$(systemctl is-system-running --wait)" = running ] || fail "all units start: $(systemctl list-units --failed --plain --no-legend | cut -d' ' -f1 | tr '\n' ' ')"
loginctl show-user "$(id -un)" >/dev/null || fail "a login has a session"
grep -Eqx '[0-9a-f]{32}' /etc/machine-id || fail "the machine has an id"
