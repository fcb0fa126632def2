# Arguments: a list in the format of sha256sum, at the root of the system drive, and its own sha256. Compares the files with the
# list, and removes it.
. ./lib/start.sh
. ./lib/has-digest.sh
exec </dev/null
system=$(cygpath -w -S)
cd -- "$(cygpath -u "${system%%\\*}\\")" || exit 125
has_digest "$1" "$2" || fail 'the list of what was sent did not arrive'
LC_ALL=C.UTF-8 sha256sum --check --quiet --strict -- "$1" >&2
same=$?
rm -f -- "$1"
[ $same = 0 ] || fail 'files did not arrive as they were sent'
