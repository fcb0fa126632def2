# Ends the script with a message on its standard error.
fail() { printf 'obuilder: %s\n' "$*" >&2; exit 125; }
