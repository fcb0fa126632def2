import { diskIn, type LayerId, type LayerWriter, stagingDirectory } from "@ob/core";
import { tryBeginLayer } from "./layer-writer.ts";
import type { PlainStore } from "./plain-store.test.helper.ts";

/** The writer of a layer that nobody else makes. */
export async function beginLayer({ context }: PlainStore, id: LayerId): Promise<LayerWriter> {
  const writer = await tryBeginLayer(context, id);
  if (!writer) throw new Error(`another caller makes ${id}`);
  return writer;
}

/** The disk that a layer has while it is made. */
export function stagedDisk({ context }: PlainStore, id: LayerId): string {
  return diskIn(stagingDirectory(context.layout, id));
}
