import { type RecipeParameters, type RecipeSupport, renderTemplate } from "@ob/images/toolkit";
import { ocamlPackages, type Release } from "./releases.ts";
import * as scripts from "./scripts.generated.ts";

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
  const values = new Map([
    ["USER", user],
    ["PACKAGES", packages.join(" ")],
    ["OCAML", ocaml ?? ""],
  ]);
  const parts = [scripts.expectations, ...(ocaml === undefined ? [] : [scripts.ocamlExpectations])];
  return renderTemplate(`${parts.join("\n")}\n`, values);
}
