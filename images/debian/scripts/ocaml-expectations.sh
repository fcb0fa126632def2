# The same for an image with OCaml, after expectations.sh. @OCAML@ is the version.
. ./lib/fail.sh
[ "$(ocamlfind ocamlopt -version)" = @OCAML@ ] || fail "ocamlfind finds OCaml @OCAML@"
opam --version >/dev/null || fail "there is opam"
cd "$(mktemp -d)" && echo 'print_endline "compiled"' >hello.ml
{ ocamlfind ocamlopt -package unix hello.ml -o hello 2>&1 && [ "$(./hello)" = compiled ]; } || fail "OCaml compiles a program"
