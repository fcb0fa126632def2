/** A script for a guest's Bourne shell. It succeeds if the login user's opam has this version of OCaml. */
export function hasOcaml(version: string): string {
  return `found=$(opam exec -- ocamlc -version | tr -d '\\r')
[ "$found" = ${version} ] || { echo "opam has OCaml $found, and not ${version}"; exit 1; }`;
}
