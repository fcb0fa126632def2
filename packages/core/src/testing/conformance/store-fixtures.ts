import assert from "node:assert/strict";
import { sha256 } from "../../digest.ts";
import { type ErrorCode, isObError } from "../../errors.ts";
import { type LayerId, layerId } from "../../layer-id.ts";
import type { Layer, LayerWriter, Store } from "../../ports/store.ts";

/* What the cases of store-conformance.ts do over and over. */

export function idOf(name: string): LayerId {
  return layerId(sha256(`layer ${name}`));
}

export const inAnHour = (): Date => new Date(Date.now() + 3_600_000);

export async function claimed(store: Store, id: LayerId): Promise<LayerWriter> {
  const claim = await store.tryBegin(id);
  assert.ok(claim, "nobody else has a claim");
  return claim;
}

export async function importBase(store: Store, image: string): Promise<Layer> {
  await using claim = await claimed(store, (await store.baseImage(image)).id);
  await claim.importBase(image);
  return await claim.commit();
}

export async function makeLayer(
  store: Store,
  { name, parent, log = [] }: { name: string; parent: LayerId; log?: readonly string[] },
): Promise<Layer> {
  await using claim = await claimed(store, idOf(name));
  await claim.createDisk(parent);
  for (const text of log) claim.appendLog(Buffer.from(text));
  return await claim.commit();
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
