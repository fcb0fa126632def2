import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { diskIn, type LayerId, type ObEvent, resultDirectory, storeLayout } from "@ob/core";
import { BackgroundWork } from "../background.ts";
import type { StoreContext } from "../context.ts";
import { StoreDatabase } from "../db/database.ts";
import { makeDirectories } from "../store-directories.ts";
import { idOf } from "../temporary-store.test.helper.ts";

/** A store whose layers are made without QEMU: their disks are empty files. */
export interface PlainStore extends AsyncDisposable {
  readonly context: StoreContext;
  readonly events: readonly ObEvent[];
  /** Adds a layer, on disk and in the database. */
  add(name: string, parent?: LayerId): LayerId;
  /** True if the layer is on disk. */
  has(id: LayerId): boolean;
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
      writeFileSync(diskOf(id), "");
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
