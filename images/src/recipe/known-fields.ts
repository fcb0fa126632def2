import { didYouMean, ObError } from "@ob/core";
import type { Recipe, RecipeResult, RecipeSupport } from "./recipe.ts";

/** The properties of an object: `true` for a value, or the properties of the object, or of each object of the list, there. */
interface Fields {
  readonly [name: string]: true | Fields;
}

const supports = {
  diskSize: { default: true, min: true },
  user: { default: true, pattern: true },
  ocaml: { versions: true, others: true, allowsNewer: true, from: true },
  packages: { from: true, pattern: true },
  iso: { what: true, required: true },
  downloads: { name: true, what: true },
} satisfies Record<keyof RecipeSupport, Fields>;

const recipeFields = {
  name: true,
  summary: true,
  guestOs: true,
  guestArch: true,
  supports,
  tools: true,
  smokeTest: { memoryMib: true, bootSeconds: true, strict: true },
  fingerprint: true,
  make: true,
  expectations: true,
  check: true,
} satisfies Record<keyof Recipe, true | Fields>;

const resultFields = {
  disk: true,
  virtualSize: true,
  readyMarker: true,
  snapshotPoints: true,
  rootShellPort: true,
  directBoot: { kernel: true, initrd: true, commandLine: true },
  diskBus: true,
  machine: true,
  cacheTemplate: { fileSystem: true, disk: true },
} satisfies Record<keyof RecipeResult, true | Fields>;

/** Properties by their former names. */
const renamed = new Map([
  ["announcesReady", "readyMarker"],
  ["resumes", "snapshotPoints"],
  ["trial", "smokeTest"],
  ["least", "min"],
]);

/** @throws ObError `USAGE` if the recipe in `file` has a property that nothing reads, with a suggestion. */
export function assertKnownFields(recipe: Recipe, file: string): void {
  assertKnown(recipe, { path: [], fields: recipeFields, owner: `The recipe ${file}` });
}

/** As `assertKnownFields`, for what the recipe's `make` returned. */
export function assertKnownResult(result: RecipeResult, file: string): void {
  assertKnown(result, { path: [], fields: resultFields, owner: `What \`make\` of ${file} returned` });
}

interface Level {
  /** The names of the properties that lead to the object. */
  readonly path: readonly string[];
  readonly fields: Fields;
  /** The subject of the message. */
  readonly owner: string;
}

function assertKnown(value: unknown, { path, fields, owner }: Level): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (known === undefined && inner !== undefined) {
      const full = [...path, name].join(".");
      throw new ObError("USAGE", `${owner} has an unknown property: ${full}.`, {
        hint: suggestion(name, Object.keys(fields)),
      });
    }
    if (known === undefined || known === true) continue;
    for (const one of Array.isArray(inner) ? inner : [inner]) {
      assertKnown(one, { path: [...path, name], fields: known, owner });
    }
  }
}

function suggestion(name: string, names: readonly string[]): string {
  const now = renamed.get(name);
  if (now !== undefined && names.includes(now)) return `Its name is now ${now}.`;
  return didYouMean(name, names) ?? `There are: ${names.join(", ")}.`;
}
