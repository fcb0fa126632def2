# Succeeds if the login user's opam has OCaml @VERSION@.
found=$(opam exec -- ocamlc -version | tr -d '\r')
[ "$found" = @VERSION@ ] || { echo "opam has OCaml $found, and not @VERSION@"; exit 1; }
