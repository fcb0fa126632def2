import { dirname } from "node:path";
import {
  type BaseImage,
  type BaseLayerInfo,
  checkImageFiles,
  type GuestImage,
  type LayerId,
  ObError,
  parseImageManifest,
  readImageText,
  within,
} from "@ob/core";
import { lockImage } from "@ob/qcow2";
import { baseImageFile } from "./base-images.ts";
import type { StoreContext } from "../context.ts";
import { findLayer } from "../layers/layers.ts";
import { ifDeleted, lockLayer } from "../layers/pin-layer.ts";
import { parseEnvironment } from "../db/env-file.ts";

/** See `Store.baseInfo`. */
export async function readBaseInfo(context: StoreContext, id: LayerId): Promise<BaseLayerInfo> {
  // While it is read it is not deleted: a layer without its files looks like one of an image without a manifest.
  using lock = await lockLayer(context, id);
  void lock;
  if (context.database.parentOf(id)) {
    throw new ObError("NO_SUCH_LAYER", `The store has no base layer ${id}.`);
  }
  const directory = within(context.layout.results, id);
  const envFile = within(directory, "env");
  const text = await readImageText(envFile);
  const environment = text === undefined ? [] : parseEnvironment(text, envFile);
  const manifestFile = within(directory, "manifest.json");
  const manifest = await readImageText(manifestFile);
  if (manifest !== undefined) {
    return {
      environment,
      manifest: parseImageManifest(manifest, manifestFile),
      manifestDirectory: directory,
    };
  }
  return { environment, ...(await manifestBesideImage(context, id)) };
}

/** See `Store.guestOf`. */
export async function readGuest(context: StoreContext, image: BaseImage): Promise<GuestImage | undefined> {
  const { name, present } = image;
  const id = image.base ?? image.id;
  const found = (await findLayer(context, id)) && (await readBaseInfo(context, id).catch(ifDeleted));
  if (found) return found;
  if (!present) return undefined;
  const file = baseImageFile(context.layout, name, "json");
  using lock = await lockImage(context.layout, name, { mode: "shared" });
  void lock;
  const text = await readImageText(file);
  const manifest = text === undefined ? undefined : parseImageManifest(text, file);
  return { manifest, manifestDirectory: dirname(file) };
}

/** A layer of the original has no manifest; one that was added beside its image later describes it. */
async function manifestBesideImage(
  { layout, database }: StoreContext,
  id: LayerId,
): Promise<Omit<BaseLayerInfo, "environment">> {
  const name = database.baseImageName(id);
  const file = name === undefined ? undefined : baseImageFile(layout, name, "json");
  const text = file && (await readImageText(file));
  const manifest = file && text !== undefined ? parseImageManifest(text, file) : undefined;
  const manifestDirectory = file === undefined ? layout.baseImages : dirname(file);
  // These files are used in place: the original's layers have no copies of them.
  if (manifest) await checkImageFiles(manifest, manifestDirectory);
  return { manifest, manifestDirectory };
}
