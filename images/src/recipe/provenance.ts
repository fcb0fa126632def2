import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type ImageManifest, isObError, parseImageManifest, sha256, errnoCode } from "@ob/core";
import * as v from "valibot";
import type { Recipe, RecipeParameters } from "./recipe.ts";

/** What a manifest says of the making of its image, in the field `recipe`; core's manifest passes over it. */
const recordSchema = v.object({
  /** The recipe's name; for a user's own, `folder` says where it was. */
  name: v.string(),
  folder: v.optional(v.string()),
  /** See `recipeDigest`. */
  digest: v.string(),
  /** When the image was put in the store. */
  made: v.pipe(v.string(), v.isoTimestamp()),
  parameters: v.object({
    ocaml: v.optional(v.string()),
    diskSize: v.number(),
    user: v.string(),
    packages: v.array(v.string()),
    /** What tells one ISO from another without reading it. */
    iso: v.optional(v.object({ name: v.string(), size: v.number() })),
  }),
});

export type Provenance = v.InferOutput<typeof recordSchema>;
export type RecordedParameters = Provenance["parameters"];

/** A manifest with what it says of its making. */
export interface RecordedManifest {
  readonly manifest: ImageManifest;
  /** Undefined for an image that was not made here. */
  readonly record: Provenance | undefined;
}

/** The manifest of an image of the store; undefined if it has none. @throws ObError `BASE_IMAGE` for a wrong one. */
export async function readManifest(images: string, name: string): Promise<RecordedManifest | undefined> {
  const file = join(images, `${name}.json`);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return undefined;
    throw error;
  }
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

/** All that decides what an image is, in one digest: an image of another is out of date. */
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

/** True if the files that the manifest names are all there. */
export async function isComplete(images: string, name: string, manifest: ImageManifest): Promise<boolean> {
  const { directBoot, sshKey } = manifest;
  for (const part of [`${name}.qcow2`, directBoot?.kernel, directBoot?.initrd, sshKey]) {
    if (part === undefined) continue;
    try {
      await stat(join(images, part));
    } catch (error) {
      if (errnoCode(error) === "ENOENT") return false;
      throw error;
    }
  }
  return true;
}

/** As `readManifest`, and an unreadable one is none. */
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
