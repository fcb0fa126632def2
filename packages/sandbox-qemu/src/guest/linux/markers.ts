/** The line that freeze.sh prints once all file systems are frozen. */
export const frozenMarker = "obuilder: frozen";
