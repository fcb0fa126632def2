import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  type ImageManifest,
  isObError,
  ObError,
  parseImageManifest,
  sha256,
  sha256File,
  systemCode,
} from "@ob/core";
import { debian12Amd64 } from "../debian-12-amd64/recipe.ts";
import { debian13Riscv64 } from "../debian-13-riscv64/recipe.ts";
import { inPhase, type OnImageEvent } from "./progress.ts";
import type { Recipe, RecipeParameters, RecipeResult } from "./recipe.ts";
import { type StoreKey, storeKey } from "./store-key.ts";
import { removeStale, temporaryPrefix } from "./temporary.ts";

const recipes: readonly Recipe[] = [debian12Amd64, debian13Riscv64];

/** The images that can be made; the first is what a newcomer gets. */
export const imageNames: readonly string[] = recipes.map(({ name }) => name);

export interface ImageRequest {
  /** One of `imageNames`. */
  readonly name: string;
  /** Path of the store's directory; it need not exist yet. */
  readonly store: string;
}

export interface BuildImageOptions {
  readonly onEvent?: OnImageEvent | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What to put in front of a command that needs root and that this user may not do otherwise, such as `sudo`. */
  readonly becomeRoot?: readonly string[] | undefined;
}

/**
 * Makes a base image, boots it to see that it works, and only then puts it in the store with its manifest, in place
 * of one of the same name. Layers that stand on that one keep it. What fails or is cancelled leaves nothing.
 *
 * @throws ObError `USAGE` for an unknown name, `BASE_IMAGE` if what was made does not work, `MISSING_TOOL`,
 *   `TOOL_FAILED`, `UNSUPPORTED`, `STORE`, `NO_SPACE`, `CANCELLED`.
 */
export async function buildImage(
  { name, store }: ImageRequest,
  { onEvent = () => undefined, signal, becomeRoot = [] }: BuildImageOptions = {},
): Promise<ImageManifest> {
  const recipe = recipeOf(name);
  // Absolute: disks name each other by paths that count from themselves.
  const images = resolve(store, "base-image");
  const key = await prepareStore(store, { images, signal });
  await removeStale(images);
  const directory = await mkdtemp(join(images, temporaryPrefix()));
  try {
    const made = join(directory, "make");
    const tried = join(directory, "check");
    await Promise.all([mkdir(made), mkdir(tried)]);
    const { publicKey, file: sshKey } = key;
    const parameters = defaultsOf(recipe);
    const state = resolve(store, "state");
    const [downloads, logs] = [join(state, "downloads"), join(state, "image-logs")];
    await Promise.all([mkdir(downloads, { recursive: true }), mkdir(logs, { recursive: true })]);
    const consoleLog = join(logs, `${name}.console`);
    const result = await recipe.make({
      ...{ directory: made, name, parameters, publicKey, sshKey, downloads, consoleLog },
      ...{ becomeRoot, onEvent, signal },
    });
    await inPhase(
      "Boot it twice, log in, switch it off",
      { onEvent },
      () => recipe.check?.(result, { directory: tried, parameters, sshKey, signal }) ?? Promise.resolve(),
    );
    return await publish(result, { recipe, key, images, signal });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** True if the store has the image as its recipe makes it now, with a key that the store still has. */
export async function imageIsCurrent({ name, store }: ImageRequest): Promise<boolean> {
  const recipe = recipeOf(name);
  const images = join(store, "base-image");
  const file = join(images, `${name}.json`);
  try {
    const text = await readFile(file, "utf8");
    const { directBoot } = parseImageManifest(text, file);
    const parts = [`${name}.qcow2`, directBoot?.kernel, directBoot?.initrd, "../state/ssh/id_ed25519"];
    for (const part of parts) {
      if (part !== undefined) await (await open(join(images, part))).close();
    }
    const { publicKey } = await storeKey(store);
    return recipeOfManifest(text) === (await recipeDigest(recipe, publicKey));
  } catch (error) {
    if (systemCode(error) === "ENOENT" || isObError(error, "BASE_IMAGE")) return false;
    throw error;
  }
}

/** The digest of the recipe that made an image; core's manifest does not know this field. */
function recipeOfManifest(text: string): unknown {
  const json: unknown = JSON.parse(text);
  return typeof json === "object" && json !== null && "recipe" in json ? json.recipe : undefined;
}

async function recipeDigest(recipe: Recipe, publicKey: string): Promise<string> {
  return sha256(JSON.stringify([await recipe.fingerprint(defaultsOf(recipe)), publicKey]));
}

function defaultsOf({ supports }: Recipe): RecipeParameters {
  return {
    ocaml: undefined,
    diskSize: supports.diskSize.default,
    user: supports.user.default,
    packages: [],
    iso: undefined,
    from: new Map(),
  };
}

function recipeOf(name: string): Recipe {
  const recipe = recipes.find((candidate) => candidate.name === name);
  if (recipe) return recipe;
  throw new ObError("USAGE", `There is no recipe for an image ${JSON.stringify(name)}.`, {
    hint: `There are: ${imageNames.join(", ")}.`,
  });
}

async function prepareStore(
  store: string,
  { images, signal }: { readonly images: string; readonly signal: AbortSignal | undefined },
): Promise<StoreKey> {
  try {
    await mkdir(images, { recursive: true });
    return await storeKey(store, { signal });
  } catch (error) {
    const code = isObError(error) ? undefined : systemCode(error);
    if (code === undefined) throw error;
    throw new ObError("STORE", `The store ${store} cannot be written: ${code}.`, { cause: error });
  }
}

interface PublishOptions {
  readonly recipe: Recipe;
  readonly key: StoreKey;
  /** Absolute path of the store's `base-image`. */
  readonly images: string;
  readonly signal: AbortSignal | undefined;
}

/** Moves the files to their places, the manifest last. */
async function publish(result: RecipeResult, options: PublishOptions): Promise<ImageManifest> {
  const { recipe, key, images, signal } = options;
  const { name, guestOs, guestArch } = recipe;
  const loginUser = defaultsOf(recipe).user;
  const { directBoot, virtualSize } = result;
  const manifest: ImageManifest = {
    ...{ version: 1, name, guestOs, guestArch, loginUser, virtualSize },
    sshKey: "../state/ssh/id_ed25519",
    ...(result.announcesReady !== undefined && { announcesReady: result.announcesReady }),
    ...(result.resumes !== undefined && { resumes: result.resumes }),
    sha256: await sha256File(result.disk, signal),
    ...(directBoot && { directBoot: { ...directBoot, kernel: `${name}.kernel`, initrd: `${name}.initrd` } }),
  };
  const text = { ...manifest, recipe: await recipeDigest(recipe, key.publicKey) };
  const manifestFile = `${result.disk}.json`;
  await writeFile(manifestFile, `${JSON.stringify(text, undefined, 2)}\n`);
  const moves: readonly (readonly [from: string, to: string])[] = [
    ...(directBoot
      ? ([
          [directBoot.kernel, `${name}.kernel`],
          [directBoot.initrd, `${name}.initrd`],
        ] as const)
      : []),
    [result.disk, `${name}.qcow2`],
    [manifestFile, `${name}.json`],
  ];
  for (const [from] of moves) await flush(from);
  for (const [from, to] of moves) await rename(from, join(images, to));
  return manifest;
}

async function flush(file: string): Promise<void> {
  await using handle = await open(file, "r+");
  await handle.sync();
}
