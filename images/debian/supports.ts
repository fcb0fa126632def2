import type { RecipeParameters, RecipeSupport } from "@ob/images/toolkit";
import { ocamlPackages, type Release } from "./releases.ts";

const gibibyte = 1024 ** 3;

/** User names that Debian's own packages use. */
const taken =
  "root|daemon|bin|sys|sync|games|man|lp|mail|news|uucp|proxy|www-data|backup|list|irc|nobody|sshd|_apt|messagebus";

/** The parameters of every Debian image. */
export function debianSupports({ version, ocaml }: Release): RecipeSupport {
  return {
    diskSize: { default: 10 * gibibyte, min: 2 * gibibyte },
    user: { default: "opam", pattern: new RegExp(`^(?!(?:${taken})$)[a-z_][a-z0-9_-]*$`) },
    ocaml: { versions: [ocaml], from: `Debian ${version}'s own packages` },
    packages: { from: `Debian ${version}, by the host's apt mirror` },
  };
}

/** Debian packages that the parameters require. */
export function extraPackages({ ocaml, packages }: RecipeParameters): readonly string[] {
  return [...(ocaml === undefined ? [] : ocamlPackages), ...packages];
}

/** A script that checks what builds on a Debian image require, in addition to the checks of every image. */
export function debianExpectations({ user, ocaml, packages }: RecipeParameters): string {
  const compiler = `[ "$(ocamlfind ocamlopt -version)" = ${ocaml} ] || fail "ocamlfind finds OCaml ${ocaml}"
opam --version >/dev/null || fail "there is opam"
cd "$(mktemp -d)" && echo 'print_endline "compiled"' >hello.ml
ocamlfind ocamlopt -package unix hello.ml -o hello 2>&1 && [ "$(./hello)" = compiled ] || fail "OCaml compiles a program"
`;
  return `set -e
fail() { echo "The check failed: $1"; exit 1; }
[ "$(id -un):$(id -u)" = ${user}:1000 ] || fail "the login user is ${user}, with uid 1000"
[ "$SHELL" = /bin/bash ] || fail "the login shell is bash"
for program in mke2fs mount umount fsfreeze setpriv e2fsck; do
  sudo -n sh -c "command -v $program" >/dev/null || fail "there is $program on root's PATH"
done
[ -z "$(dpkg --audit)" ] || fail "all packages are configured"
[ -c /dev/ptmx ] && [ -w /dev/shm ] && [ -d /sys/class ] || fail "the usual file systems are mounted"
[ -c /dev/hwrng ] || fail "the machine's random generator is in use"
echo ok | awk '{ print }' >/dev/null || fail "there is an awk"
grep -q '^nameserver 10.0.2.3' /etc/resolv.conf || fail "the name server is QEMU's"
for package in ${packages.join(" ")}; do
  [ "$(dpkg-query -W -f '\${db:Status-Status}' "$package")" = installed ] || fail "the package $package is there"
done
${ocaml === undefined ? "" : compiler}`;
}
