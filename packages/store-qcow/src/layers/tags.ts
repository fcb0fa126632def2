import { type BaseImage, exists, type LayerId, noSuchTag, taggedBase } from "@ob/core";
import { baseImageFile } from "../base-images/base-images.ts";
import type { StoreContext } from "../context.ts";
import { behindGate } from "./gate.ts";
import { layerOnDisk } from "./layers.ts";
import { pinLayer } from "./pin-layer.ts";

/** See `Store.tag`. While it is done the layer cannot be deleted: a name never comes to a layer that is going. */
export async function tagLayer(
  context: StoreContext,
  id: LayerId,
  { names, signal }: { readonly names: readonly string[]; readonly signal: AbortSignal | undefined },
): Promise<void> {
  using lock = await pinLayer(context, id, signal);
  void lock;
  await behindGate(context.layout, { mode: "shared", signal }, async () => {
    context.database.tags.set(id, names);
  });
}

/**
 * The layer that `(from obuilder:NAME)` starts from. Undefined for the name of a base image, also of one that exists and has a
 * name of this form.
 *
 * @throws ObError `BASE_IMAGE` if no layer has the tag.
 */
export async function findTagged(context: StoreContext, name: string): Promise<BaseImage | undefined> {
  const tag = taggedBase(name);
  if (tag === undefined || (await exists(baseImageFile(context.layout, name)))) return undefined;
  const { tags } = context.database;
  const id = tags.find(tag);
  if (id === undefined || !(await layerOnDisk(context.layout, id))) {
    const names = tags.list().map((each) => each.name);
    throw noSuchTag(tag, names);
  }
  return { name, id, present: true, base: baseUnder(context, id) };
}

/** The base layer under a layer. */
function baseUnder({ database }: StoreContext, id: LayerId): LayerId {
  let base = id;
  for (let next = database.parentOf(base); next !== undefined; next = database.parentOf(base)) base = next;
  return base;
}
