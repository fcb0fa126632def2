import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import {
  archNames,
  cancelledError,
  type LayerId,
  partialBeside,
  type Store,
  withStoreErrors,
} from "@ob/core";
import type { ImageOutput } from "../args/output.ts";
import { containerDisk } from "../oci/container-disk.ts";
import { writeLayout } from "../oci/write-layout.ts";
import { checkTarget, type Target } from "./publish.ts";

export interface ImageOptions {
  readonly store: Store;
  readonly target: Target;
  readonly signal: AbortSignal;
}

/** Writes an OCI image with the layer's disk. */
export async function writeImage(
  id: LayerId,
  output: ImageOutput,
  { store, target, signal }: ImageOptions,
): Promise<void> {
  await checkTarget(target);
  const disk = await partialBeside(resolve(output.path));
  try {
    await store.export(id, { path: disk, compress: output.compress, signal });
    const architecture = await architectureOf(store, id);
    const name = output.name ?? id.slice(0, 12);
    await withStoreErrors(`write ${output.path}`, async () => {
      await writeLayout(await containerDisk({ disk, name, architecture }), target, signal);
    });
  } catch (error) {
    throw signal.aborted ? cancelledError(signal) : error;
  } finally {
    await rm(disk, { force: true });
  }
}

/** That of the layer's guest, by OCI's name; amd64 where its base image does not say. */
async function architectureOf(store: Store, id: LayerId): Promise<string> {
  const parents = new Map([...store.list()].map((layer) => [layer.id, layer.parent]));
  let base = id;
  for (let next = parents.get(base); next !== undefined; next = parents.get(base)) base = next;
  const { manifest } = await store.baseInfo(base);
  return archNames[manifest?.guestArch ?? "amd64"].oci.architecture;
}
