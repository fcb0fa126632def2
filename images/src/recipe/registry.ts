import { didYouMean, ObError } from "@ob/core";
import { busybox } from "../../busybox/recipe.ts";
import { debianAmd64 } from "../../debian/amd64.ts";
import { busyboxInit, systemdInit } from "../../debian/inits.ts";
import { bookworm, trixie } from "../../debian/releases.ts";
import { arm64, armhf } from "../../debian/arm.ts";
import { i386 } from "../../debian/i386.ts";
import { ppc64el } from "../../debian/ppc64el.ts";
import { riscv64 } from "../../debian/riscv64.ts";
import { s390x } from "../../debian/s390x.ts";
import { debianUnpacked } from "../../debian/unpacked/recipe.ts";
import { openbsd79Amd64 } from "../../openbsd-79/recipe.ts";
import { ubuntuNobleAmd64, ubuntuNobleRiscv64 } from "../../ubuntu-noble/recipe.ts";
import { windowsServer2022Amd64 } from "../../windows-server-2022/recipe.ts";
import { ocamlInfix } from "./parameters.ts";
import type { Recipe } from "./recipe.ts";

/** The built-in recipes. The first is the default image. */
export const recipes: readonly Recipe[] = [
  ...[debianAmd64(bookworm, busyboxInit), debianAmd64(trixie, busyboxInit)],
  ...[debianUnpacked(trixie, riscv64), busybox],
  ...[debianAmd64(bookworm, systemdInit), debianAmd64(trixie, systemdInit)],
  ...[arm64, armhf, ppc64el, s390x].flatMap((arch) =>
    [bookworm, trixie].map((release) => debianUnpacked(release, arch)),
  ),
  // Debian 13 has no kernel for it.
  debianUnpacked(bookworm, i386),
  ...[ubuntuNobleAmd64, ubuntuNobleRiscv64, openbsd79Amd64, windowsServer2022Amd64],
];

/** A recipe and the version of OCaml in an image's name. */
export interface FoundRecipe {
  readonly recipe: Recipe;
  readonly ocaml: string | undefined;
}

/** Finds the recipe for `RECIPE` or `RECIPE-ocaml-VERSION`, whatever the version; undefined if there is none. */
export function matchRecipe(name: string, among: readonly Recipe[] = recipes): FoundRecipe | undefined {
  const recipe = among.find((one) => one.name === name);
  if (recipe) return { recipe, ocaml: undefined };
  const at = name.lastIndexOf(ocamlInfix);
  if (at < 0) return undefined;
  const base = among.find((one) => one.name === name.slice(0, at));
  return base && { recipe: base, ocaml: name.slice(at + ocamlInfix.length) };
}

/** As `matchRecipe`. @throws ObError `USAGE` with a similar name, or all names. */
export function findRecipe(name: string, among: readonly Recipe[] = recipes): FoundRecipe {
  const found = matchRecipe(name, among);
  if (found) return found;
  const names = recipeNames(among);
  throw new ObError("USAGE", `There is no recipe for an image ${JSON.stringify(name)}.`, {
    hint:
      didYouMean(name, names) ??
      `There are: ${names.join(", ")}. A recipe of your own is given by its folder, with a slash: ./my-image`,
  });
}

/** A built-in recipe, as the base of another recipe. @throws ObError `USAGE` if the name is unknown. */
export function getRecipe(name: string): Recipe {
  return findRecipe(name).recipe;
}

/** The names of all images that can be built without parameters. */
export function recipeNames(among: readonly Recipe[] = recipes): readonly string[] {
  return among.flatMap(({ name, supports }) => [
    name,
    ...(supports.ocaml?.versions ?? []).map((version) => `${name}${ocamlInfix}${version}`),
  ]);
}
