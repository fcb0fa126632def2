// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.

export const hasOcaml = `found=$(opam exec -- ocamlc -version | tr -d '\\r')
[ "$found" = @VERSION@ ] || { echo "opam has OCaml $found, and not @VERSION@"; exit 1; }`;
