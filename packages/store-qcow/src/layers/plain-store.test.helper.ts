import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { diskIn, layerBackingPath, type LayerId, type ObEvent, resultDirectory, storeLayout } from "@ob/core";
import { BackgroundWork } from "../background.ts";
import type { StoreContext } from "../context.ts";
import { StoreDatabase } from "../db/database.ts";
import { makeDirectories } from "../store-directories.ts";
import { idOf } from "../temporary-store.test.helper.ts";

/** A store whose layers are made without QEMU: their disks are headers of qcow2 files. */
export interface PlainStore extends AsyncDisposable {
  readonly context: StoreContext;
  readonly events: readonly ObEvent[];
  /** Adds a layer, on disk and in the database. */
  add(name: string, parent?: LayerId): LayerId;
  /** True if the layer is on disk. */
  has(id: LayerId): boolean;
}

/** The header of a qcow2 disk of 1 MiB. */
export function plainDisk(backing = ""): Buffer {
  const header = Buffer.alloc(72);
  header.writeUInt32BE(0x51_46_49_fb, 0);
  header.writeUInt32BE(2, 4);
  if (backing !== "") header.writeUInt32BE(header.length, 12);
  header.writeUInt32BE(Buffer.byteLength(backing), 16);
  header.writeUInt32BE(1 << 20, 28);
  return Buffer.concat([header, Buffer.from(backing)]);
}

export async function plainStore(): Promise<PlainStore> {
  const directory = await mkdtemp(`${tmpdir()}/ob-plain-`);
  const layout = storeLayout(directory);
  await makeDirectories(layout, true);
  const database = new StoreDatabase(layout.database);
  const events: ObEvent[] = [];
  const emit = (event: ObEvent): void => void events.push(event);
  const background = new BackgroundWork(emit);
  const diskOf = (id: LayerId): string => diskIn(resultDirectory(layout, id));
  return {
    context: { layout, database, emit, background, diskSize: undefined, confine: undefined },
    events,
    add(name, parent) {
      const id = idOf(name);
      mkdirSync(dirname(diskOf(id)), { recursive: true });
      writeFileSync(diskOf(id), plainDisk(parent && layerBackingPath(parent)));
      database.insert(id, parent);
      return id;
    },
    has: (id) => existsSync(diskOf(id)),
    async [Symbol.asyncDispose]() {
      database.close();
      await rm(directory, { recursive: true });
    },
  };
}
