import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type LayerId, layerId, run, sha256 } from "@ob/core";
import { makeImage, writePattern } from "./temporary-store.test.helper.ts";

/** A store as the original writes it: absolute backing paths, and a database with only its tables. */
export interface OriginalStore {
  readonly base: LayerId;
  readonly child: LayerId;
  readonly grandchild: LayerId;
}

export const originalImage = "ubuntu-noble";

export async function writeOriginalStore(directory: string): Promise<OriginalStore> {
  for (const part of ["base-image", "result", "result-tmp", "state/db", "cache", "cache-tmp"]) {
    await mkdir(join(directory, part), { recursive: true });
  }
  const base = layerId(sha256(originalImage));
  const child = layerId(sha256("child"));
  const grandchild = layerId(sha256("grandchild"));
  const image = join(directory, "base-image", `${originalImage}.qcow2`);
  await makeImage(image, { size: "64M", fill: 1 });
  const diskOf = (id: LayerId): string => join(directory, "result", id, "rootfs", "image.qcow2");
  await writeLayer({ disk: diskOf(base), backing: image });
  await writeFile(join(directory, "result", base, "env"), '((env ((LANG C) (GREETING "hello world"))))');
  await writeLayer({ disk: diskOf(child), backing: diskOf(base), fill: 2, offset: 1 << 20 });
  await writeFile(join(directory, "result", child, "log"), "built by the original\n");
  await writeLayer({ disk: diskOf(grandchild), backing: diskOf(child), fill: 3, offset: 2 << 20 });

  using database = new DatabaseSync(join(directory, "state/db/db.sqlite"));
  database.exec("PRAGMA journal_mode=WAL");
  database.exec(`CREATE TABLE IF NOT EXISTS builds (
    id TEXT PRIMARY KEY, created DATETIME NOT NULL, used DATETIME NOT NULL, rc INTEGER NOT NULL, parent TEXT,
    FOREIGN KEY (parent) REFERENCES builds (id) ON DELETE RESTRICT )`);
  database.exec("CREATE INDEX IF NOT EXISTS lru ON builds (rc, used)");
  const add = database.prepare("INSERT INTO builds (id, created, used, rc, parent) VALUES (?, ?, ?, ?, ?)");
  add.run(base, "2023-05-01 10:00:00", "2023-05-02 10:00:00", 1, null);
  add.run(child, "2023-05-01 10:01:00", "2023-05-02 10:00:01", 1, base);
  add.run(grandchild, "2023-05-01 10:02:00", "2023-05-02 10:00:02", 0, child);
  return { base, child, grandchild };
}

async function writeLayer(layer: {
  disk: string;
  backing: string;
  fill?: number;
  offset?: number;
}): Promise<void> {
  const { disk, backing, fill, offset } = layer;
  await mkdir(join(disk, ".."), { recursive: true });
  await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", "qcow2", disk, "64M"]);
  if (fill !== undefined) await writePattern(disk, { fill, offset: offset ?? 0 });
}
