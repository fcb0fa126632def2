import { createReadStream } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import {
  cancelledError,
  type LayerId,
  type LayerWriter,
  ObError,
  type Store,
  throwIfCancelled,
} from "@ob/core";
import type { ChainDisk } from "@ob/registry";
import type { Published } from "./source.ts";

export interface DiskToTake {
  readonly store: Store;
  readonly disk: ChainDisk;
  /** The layer below it, which the store has. */
  readonly parent: LayerId;
  /** The layer whose chain has the disk. */
  readonly from: Published;
  /** Finds the file with the layer's log, if there is one. */
  readonly log: () => Promise<string | undefined>;
  readonly signal: AbortSignal | undefined;
}

/** How long to wait before looking again at a layer that another caller makes, in milliseconds. */
const pauseMs = 50;

/**
 * Takes one disk of a published chain into the store, unless it is there. Of several callers, in whatever processes, one pulls
 * it, and the others wait.
 *
 * @throws ObError `REGISTRY` if the registry does not have it any more, or the store has another disk of the layer; and as
 *   `pullLayer` and `LayerWriter.importLayer`.
 */
export async function takeDisk(take: DiskToTake): Promise<void> {
  const { store, disk, signal } = take;
  const digest = disk.content.digest.slice("sha256:".length);
  for (;;) {
    throwIfCancelled(signal);
    if (await store.find(disk.id)) {
      if ((await store.layerDigests(disk.id, signal)).includes(digest)) return;
      throw new ObError("REGISTRY", `The store has another disk of layer ${disk.id}.`);
    }
    await using writer = await store.tryBegin(disk.id);
    if (writer && !(await store.find(disk.id))) {
      await importDisk(take, writer, digest);
      return;
    }
    if (writer) continue;
    await delay(pauseMs, undefined, signal && { signal }).catch(() => {
      throw cancelledError(signal);
    });
  }
}

async function importDisk(
  { disk, parent, from, log, signal }: DiskToTake,
  writer: LayerWriter,
  digest: string,
): Promise<void> {
  const { registry, layer } = from;
  await writer.importLayer(
    {
      parent,
      digest,
      write: async (path, stopped) => {
        const wanted = (each: ChainDisk) => (each.id === disk.id ? path : undefined);
        if (await registry.pullLayer(layer, { disk: wanted, signal: stopped })) return;
        throw new ObError("REGISTRY", "The registry does not have all of it any more.");
      },
    },
    signal,
  );
  const file = await log();
  if (file !== undefined) {
    for await (const chunk of createReadStream(file)) {
      if (chunk instanceof Uint8Array) writer.appendLog(chunk);
    }
  }
  await writer.commit();
}
