/** What freeze.sh prints when all file systems are frozen. */
export const frozenMarker = "obuilder: frozen";
