/** Shell text: `fail MESSAGE` ends the script with a message on its standard error. */
export const fail = String.raw`fail() { printf 'obuilder: %s\n' "$*" >&2; exit 125; }`;
