import assert from "node:assert/strict";
import { sha256 } from "../../digest.ts";
import { type ErrorCode, isObError } from "../../errors.ts";
import { type LayerId, layerId } from "../../layer-id.ts";
import type { Layer, LayerWriter, Store } from "../../ports/store.ts";

/* Helpers of the store's cases. */

export function idOf(name: string): LayerId {
  return layerId(sha256(`layer ${name}`));
}

export const inAnHour = (): Date => new Date(Date.now() + 3_600_000);

export async function begin(store: Store, id: LayerId): Promise<LayerWriter> {
  const writer = await store.tryBegin(id);
  assert.ok(writer, "no other caller has begun the layer");
  return writer;
}

export async function importBase(store: Store, image: string): Promise<Layer> {
  await using writer = await begin(store, (await store.baseImage(image)).id);
  await writer.importBase(image);
  return await writer.commit();
}

export async function makeLayer(
  store: Store,
  { name, parent, log = [] }: { name: string; parent: LayerId; log?: readonly string[] },
): Promise<Layer> {
  await using writer = await begin(store, idOf(name));
  await writer.createDisk(parent);
  for (const text of log) writer.appendLog(Buffer.from(text));
  return await writer.commit();
}

export async function textOf(chunks: AsyncIterable<Uint8Array>, onChunk?: () => void): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) {
    all.push(chunk);
    onChunk?.();
  }
  return Buffer.concat(all).toString();
}

export async function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => isObError(error, code));
}
