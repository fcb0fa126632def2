import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  type ImageManifest,
  isObError,
  parseImageManifest,
  readImageText,
  sha256,
  errnoCode,
} from "@ob/core";
import * as v from "valibot";
import type { Recipe, RecipeParameters } from "./recipe.ts";

/** How an image was built: the manifest's field `recipe`. Core's manifest ignores it. */
const recordSchema = v.object({
  /** The recipe's name; for a user's recipe `folder` is its path. */
  name: v.string(),
  folder: v.optional(v.string()),
  /** See `recipeDigest`. */
  digest: v.string(),
  /** When the image was published in the store. */
  made: v.pipe(v.string(), v.isoTimestamp()),
  parameters: v.object({
    ocaml: v.optional(v.string()),
    diskSize: v.number(),
    user: v.string(),
    packages: v.array(v.string()),
    /** Identifies an ISO without reading it. */
    iso: v.optional(v.object({ name: v.string(), size: v.number() })),
  }),
});

export type Provenance = v.InferOutput<typeof recordSchema>;
export type RecordedParameters = Provenance["parameters"];

/** A manifest with the image's provenance. */
export interface RecordedManifest {
  readonly manifest: ImageManifest;
  /** Undefined for an image that was not built from a recipe. */
  readonly record: Provenance | undefined;
}

/** Reads the manifest of an image; undefined if it has none. @throws ObError `BASE_IMAGE` for an invalid manifest. */
export async function readManifest(images: string, name: string): Promise<RecordedManifest | undefined> {
  const file = join(images, `${name}.json`);
  const text = await readImageText(file);
  if (text === undefined) return undefined;
  const manifest = parseImageManifest(text, file);
  const found = v.safeParse(v.object({ recipe: recordSchema }), JSON.parse(text));
  return { manifest, record: found.success ? found.output.recipe : undefined };
}

export async function recordParameters(parameters: RecipeParameters): Promise<RecordedParameters> {
  const { ocaml, diskSize, user, packages, iso } = parameters;
  return {
    ...(ocaml !== undefined && { ocaml }),
    ...{ diskSize, user, packages: [...packages] },
    ...(iso !== undefined && { iso: { name: basename(iso), size: (await stat(iso)).size } }),
  };
}

/** A digest of everything that determines an image. An image with another digest is outdated. */
export async function recipeDigest(
  recipe: Recipe,
  recorded: RecordedParameters,
  publicKey: string,
): Promise<string> {
  const { ocaml, diskSize, user, packages } = recorded;
  const parameters = {
    ocaml,
    diskSize,
    user,
    packages,
    iso: recorded.iso?.name,
    from: new Map<string, string>(),
  };
  return sha256(JSON.stringify([await recipe.fingerprint(parameters), recorded, publicKey]));
}

/** The directory of an image and its manifest, which names files relative to it: an image `org/img` is in `org/`. */
export function directoryOf(images: string, name: string): string {
  return dirname(join(images, name));
}

/** True if all files that the manifest names exist. */
export async function isComplete(images: string, name: string, manifest: ImageManifest): Promise<boolean> {
  const { directBoot, sshKey } = manifest;
  const directory = directoryOf(images, name);
  for (const part of [`${basename(name)}.qcow2`, directBoot?.kernel, directBoot?.initrd, sshKey]) {
    if (part === undefined) continue;
    try {
      await stat(join(directory, part));
    } catch (error) {
      if (errnoCode(error) === "ENOENT") return false;
      throw error;
    }
  }
  return true;
}

/** As `readManifest`, but an unreadable manifest counts as missing. */
export async function readManifestLeniently(
  images: string,
  name: string,
): Promise<RecordedManifest | undefined> {
  try {
    return await readManifest(images, name);
  } catch (error) {
    if (isObError(error, "BASE_IMAGE")) return undefined;
    throw error;
  }
}
