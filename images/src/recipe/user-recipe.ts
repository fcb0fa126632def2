import { access, readFile } from "node:fs/promises";
import { registerHooks } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { guestArchNames, isGuestOsName, errorMessage, ObError, sha256 } from "@ob/core";
import { assertKnownFields, assertKnownResult } from "./known-fields.ts";
import { defineRecipe, type Recipe } from "./recipe.ts";

const fileNames = ["recipe.ts", "recipe.js", "recipe.mjs"] as const;

/** Packages that a recipe can import from any folder: always this installation's copies. */
const ours: readonly string[] = ["@ob/images", "@ob/images/toolkit", "@ob/core"];

/** True if an argument is the path of a folder, not a recipe's name. */
export function isFolder(argument: string): boolean {
  return argument === "." || argument === ".." || /[/\\]/.test(argument);
}

/**
 * Loads a user's recipe: the export `recipe` of the folder's `recipe.ts` (or `.js`, `.mjs`). Its code runs with the
 * user's rights.
 *
 * @throws ObError `USAGE` that says why the recipe is invalid. So does its `make` if it returns an unknown property.
 */
export async function loadRecipe(folder: string): Promise<Recipe> {
  const file = await findFile(resolve(folder));
  const module = await importRecipe(file);
  const recipe = "recipe" in module ? module.recipe : undefined;
  const lack = lackOf(recipe);
  if (lack !== undefined || !isRecipe(recipe)) {
    throw new ObError("USAGE", `${file} ${lack ?? "exports no recipe"}.`, {
      hint: "It must say `export const recipe = defineRecipe({ … })`; docs/images.md shows one being written.",
    });
  }
  assertKnownFields(recipe, file);
  const text = sha256(await readFile(file));
  const complete = defineRecipe(recipe);
  return {
    ...complete,
    // The file's text is part of the fingerprint: an edited recipe makes the image outdated.
    fingerprint: async (parameters) => [text, await complete.fingerprint(parameters)],
    make: async (context) => {
      const result = await complete.make(context);
      assertKnownResult(result, file);
      return result;
    },
  };
}

async function findFile(folder: string): Promise<string> {
  for (const name of fileNames) {
    const file = join(folder, name);
    const there = await access(file).then(
      () => true,
      () => false,
    );
    if (there) return file;
  }
  throw new ObError("USAGE", `There is no ${fileNames.join(", ")} in ${folder}.`, {
    hint: "A recipe of your own is a folder with a recipe.ts; one of ours is given by its name, without a slash.",
  });
}

async function importRecipe(file: string): Promise<object> {
  const url = pathToFileURL(file).href;
  resolveOurs(new URL(".", url).href);
  try {
    const module: unknown = await import(url);
    return typeof module === "object" && module !== null ? module : {};
  } catch (cause) {
    throw new ObError("USAGE", `The recipe ${file} cannot be loaded: ${errorMessage(cause)}`, { cause });
  }
}

/**
 * Lets the files of a folder import `@ob/images`, its toolkit and `@ob/core` without installing them. The hook is not
 * removed, because a recipe can import modules while it runs.
 */
function resolveOurs(folder: string): void {
  registerHooks({
    resolve: (specifier, context, next) => {
      const inFolder = context.parentURL?.startsWith(folder) === true;
      return inFolder && ours.includes(specifier)
        ? { url: import.meta.resolve(specifier), shortCircuit: true }
        : next(specifier, context);
    },
  });
}

function isRecipe(value: unknown): value is Recipe {
  return lackOf(value) === undefined;
}

/** Why a value is not a recipe, as the end of a sentence; undefined if it is one. */
function lackOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return "exports no `recipe`";
  const fields: Readonly<Record<string, unknown>> = { ...value };
  for (const name of ["name", "guestOs", "guestArch"]) {
    if (typeof fields[name] !== "string") return `exports a recipe without \`${name}\``;
  }
  const { guestOs, guestArch } = fields;
  if (typeof guestOs !== "string" || !isGuestOsName(guestOs))
    return `has the guestOs ${JSON.stringify(guestOs)}, which cannot be the name of one`;
  if (!guestArchNames.some((arch) => arch === guestArch))
    return `has the guestArch ${JSON.stringify(guestArch)}, which is none of ${guestArchNames.join(", ")}`;
  if (typeof fields["make"] !== "function") return "exports a recipe without `make`";
  return undefined;
}
