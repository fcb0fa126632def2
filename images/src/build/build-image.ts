import { mkdir, rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import {
  checkArgument,
  checkOptions,
  type ResolveCpuArgs,
  type ImageManifest,
  isObError,
  makePrivateDirectory,
  makeTreesPrivate,
  ObError,
  type StartSmokeTest,
  storeLayout,
  errnoCode,
  withStoreErrors,
} from "@ob/core";
import { completeReplacements } from "@ob/qcow2";
import { checkImageTools } from "./check-tools.ts";
import { checkImage } from "../check/check-image.ts";
import { sweepDownloadLocks } from "../download/download-lock.ts";
import { assertTools } from "./host-tools.ts";
import { isComplete, readManifestLeniently, recipeDigest, recordParameters } from "../recipe/provenance.ts";
import { ocamlInfix, type ParameterRequest, readParameters } from "../recipe/parameters.ts";
import { withPhase, type OnImageEvent } from "./phases.ts";
import { publish, publishTemplate } from "./publish.ts";
import { isFolder, loadRecipe } from "../recipe/user-recipe.ts";
import type { Recipe, RecipeParameters, RecipeResult } from "../recipe/recipe.ts";
import { findRecipe } from "../recipe/registry.ts";
import { completeStoreKey, type StoreKey, storeKey } from "./store-key.ts";
import { makeStaging } from "./staging.ts";

export interface ImageRequest extends ParameterRequest {
  /**
   * The name of a built-in recipe, with or without `-ocaml-VERSION`, or the path of the folder of a user's recipe.
   */
  readonly recipe: string;
  /** The name of the image; by default the recipe's name. */
  readonly name?: string | undefined;
}

export interface ImageTools {
  /** Path of the store's directory; created if missing. */
  readonly store: string;
  readonly startSmokeTest: StartSmokeTest;
  readonly resolveCpuArgs: ResolveCpuArgs;
  readonly onEvent?: OnImageEvent | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Prefix for commands that need root, such as `sudo`; only for what this user cannot do otherwise. */
  readonly sudoPrefix?: readonly string[] | undefined;
}

/** A request with all defaults resolved. */
export interface PlannedImage {
  readonly recipe: Recipe;
  /** Absolute path of a user's recipe. */
  readonly folder: string | undefined;
  readonly name: string;
  readonly parameters: RecipeParameters;
}

const namePattern = /^[a-z0-9][a-z0-9.+_-]*$/i;

/** @throws ObError `USAGE` if the recipe does not exist or does not accept the parameters. */
export async function planImage(request: ImageRequest): Promise<PlannedImage> {
  checkOptions("planImage", request, { recipe: "string", name: "string?" });
  const folder = isFolder(request.recipe) ? resolve(request.recipe) : undefined;
  const { recipe, ocaml } =
    folder === undefined
      ? findRecipe(request.recipe)
      : { recipe: await loadRecipe(folder), ocaml: undefined };
  if (ocaml !== undefined && request.ocaml !== undefined && ocaml !== request.ocaml) {
    throw new ObError(
      "USAGE",
      `${request.recipe} is an image with OCaml ${ocaml}, and ${request.ocaml} is asked for.`,
    );
  }
  const asked = request.ocaml ?? ocaml;
  const parameters = await readParameters({ ...request, ocaml: asked }, recipe);
  // A short name stays the image's name: the original has a link of that name.
  const suffix = asked === undefined ? "" : `${ocamlInfix}${asked}`;
  return { recipe, folder, name: checkName(request.name ?? `${recipe.name}${suffix}`), parameters };
}

/** @throws ObError `USAGE` */
export function checkName(name: string): string {
  if (namePattern.test(name)) return name;
  throw new ObError("USAGE", `${JSON.stringify(name)} cannot be the name of an image.`, {
    hint: "A name has letters, digits and . + _ -, and starts with a letter or digit.",
  });
}

/** True if the store's image is up to date with its recipe and its SSH key still exists. */
export async function imageIsCurrent(planned: PlannedImage, store: string): Promise<boolean> {
  checkOptions("imageIsCurrent", planned, { recipe: "object", name: "string", parameters: "object" });
  checkArgument("imageIsCurrent: store", store, "string");
  const { recipe, name, parameters } = planned;
  const layout = storeLayout(store);
  await completeReplacements(layout);
  const images = layout.baseImages;
  const found = await readManifestLeniently(images, name);
  if (!found?.record || !(await isComplete(images, name, found.manifest))) return false;
  const { publicKey } = await storeKey(store);
  const digest = await recipeDigest(recipe, await recordParameters(parameters), publicKey);
  return found.record.digest === digest;
}

/**
 * Builds a base image, boots it to verify that it works, and only then publishes it in the store with its manifest.
 * It replaces an image of the same name; layers that are based on the old image have a copy of what they need. A
 * failed or cancelled build leaves only the log of the installer's console.
 *
 * @throws ObError `BASE_IMAGE` if the new image does not work, `MISSING_TOOL`, `TOOL_FAILED`, `UNSUPPORTED`, `STORE`,
 *   `NO_SPACE`, `CANCELLED`.
 */
export async function buildImage(planned: PlannedImage, tools: ImageTools): Promise<ImageManifest> {
  checkOptions("buildImage", planned, { recipe: "object", name: "string", parameters: "object" });
  checkImageTools("buildImage", tools);
  const { recipe, name, parameters } = planned;
  const { store, onEvent = () => undefined, signal, sudoPrefix = [] } = tools;
  await assertTools(recipe.tools);
  // Absolute: a qcow2 file's backing path is relative to that file.
  const layout = storeLayout(store);
  const images = layout.baseImages;
  const key = await prepareStore(store, { images, signal });
  const { publicKey, file: sshKey } = key;
  return await withStoreErrors(`make the image ${name}`, async () => {
    await using staging = await makeStaging(images, layout);
    const directory = staging.path;
    try {
      const [made, checkDirectory] = [join(directory, "make"), join(directory, "check")];
      await Promise.all([mkdir(made), mkdir(checkDirectory)]);
      const { downloads, imageLogs: logs } = layout;
      await Promise.all([mkdir(downloads, { recursive: true }), mkdir(logs, { recursive: true })]);
      await sweepDownloadLocks(downloads);
      const consoleLog = join(logs, `${name}.console`);
      await rm(consoleLog, { force: true });
      const result = await recipe.make({
        ...{ directory: made, name, parameters, publicKey, sshKey, downloads, consoleLog },
        ...{
          sudoPrefix,
          onEvent,
          signal,
          resolveCpuArgs: tools.resolveCpuArgs,
          startSmokeTest: tools.startSmokeTest,
        },
      });
      await check(result, { planned, images, checkDirectory, key, tools });
      await publishTemplate(result, store);
      return await publish(result, {
        ...{ manifest: manifestOf(result, planned), store, signal },
        record: await recordOf(planned, publicKey),
      });
    } finally {
      // A recipe runs under the user's own umask, because its files go into images with their permissions.
      await makeTreesPrivate([images, layout.state, layout.cacheTemplates]);
    }
  });
}

interface CheckBuilt {
  readonly planned: PlannedImage;
  /** Absolute path of the store's `base-image`. */
  readonly images: string;
  /** Absolute path of an empty directory. */
  readonly checkDirectory: string;
  readonly key: StoreKey;
  readonly tools: ImageTools;
}

async function check(
  result: RecipeResult,
  { planned, images, checkDirectory, key, tools }: CheckBuilt,
): Promise<void> {
  const { recipe, parameters } = planned;
  const { startSmokeTest, onEvent = () => undefined, signal } = tools;
  const manifest = manifestOf(result, planned);
  const { directBoot } = result;
  const [scratch, more] = [join(checkDirectory, "smoke-test"), join(checkDirectory, "more")];
  await Promise.all([mkdir(scratch), mkdir(more)]);
  await withPhase("Boot it, log in, run the checks, shut it down", { onEvent, signal }, async (phase) => {
    const smokeTestDisk = await checkImage(
      {
        manifest: {
          ...manifest,
          ...(directBoot && {
            directBoot: {
              ...directBoot,
              kernel: relative(images, directBoot.kernel),
              initrd: directBoot.initrd && relative(images, directBoot.initrd),
            },
          }),
        },
        ...{ manifestDirectory: images, disk: result.disk, script: recipe.expectations?.(parameters) },
        ...recipe.smokeTest,
      },
      { startSmokeTest, scratch, strict: recipe.smokeTest?.strict ?? true, onEvent, signal: phase.signal },
    );
    const options = { directory: more, smokeTestDisk, parameters, sshKey: key.file, startSmokeTest };
    await recipe.check?.(result, { ...options, signal: phase.signal });
  });
}

function manifestOf(result: RecipeResult, { recipe, name, parameters }: PlannedImage) {
  const { virtualSize, readyMarker, snapshotPoints, rootShellPort, diskBus, machine } = result;
  const { guestOs, guestArch } = recipe;
  return {
    ...{ version: 2 as const, name, guestOs, guestArch, loginUser: parameters.user, virtualSize },
    sshKey: "../state/ssh/id_ed25519",
    ...(readyMarker !== undefined && { readyMarker }),
    ...(snapshotPoints !== undefined && { snapshotPoints }),
    ...(rootShellPort !== undefined && { rootShellPort }),
    ...(diskBus !== undefined && { diskBus }),
    ...(machine !== undefined && { machine }),
  };
}

async function recordOf({ recipe, folder, parameters }: PlannedImage, publicKey: string) {
  const recorded = await recordParameters(parameters);
  return {
    name: recipe.name,
    ...(folder !== undefined && { folder }),
    digest: await recipeDigest(recipe, recorded, publicKey),
    made: new Date().toISOString(),
    parameters: recorded,
  };
}

/** Makes a store's directory for images, and completes what killed processes have begun. @throws ObError `STORE` */
export async function prepareStore(
  store: string,
  { images, signal }: { readonly images: string; readonly signal: AbortSignal | undefined },
): Promise<StoreKey> {
  try {
    await makePrivateDirectory(store);
    await mkdir(images, { recursive: true, mode: 0o700 });
    const key = await completeStoreKey(store, { signal });
    await completeReplacements(storeLayout(store));
    return key;
  } catch (error) {
    const code = isObError(error) ? undefined : errnoCode(error);
    if (code === undefined) throw error;
    throw new ObError("STORE", `The store ${store} cannot be written: ${code}.`, { cause: error });
  }
}
