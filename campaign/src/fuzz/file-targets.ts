import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "@ob/core";
import { hostileArchives } from "@ob/core/testing";
import {
  createDisk,
  createOverlay,
  inspectDisk,
  inspectOverlay,
  inspectQcow2,
  isEmptyDisk,
  readQcowHeader,
} from "@ob/qcow2";
import * as fc from "fast-check";
import { layerArchive } from "../../../packages/builder/src/archive/layer-archive.ts";
import { readTar } from "../../../packages/builder/src/archive/reader/read-tar.ts";
import { cuts, mutated, pieces } from "./mutated.ts";
import { asyncTarget, type Target } from "./target.ts";

const maxOutput = 2 ** 26;

export interface FileTargets extends AsyncDisposable {
  readonly targets: readonly Target[];
}

/** Files and archives that guests and strangers make. */
export async function openFileTargets(): Promise<FileTargets> {
  const directory = await mkdtemp(path.join(tmpdir(), "ob-fuzz-"));
  const file = path.join(directory, "disk");
  const disks = await exampleDisks(directory);
  const archives = hostileArchives("/nonexistent")
    .map(({ archive }) => archive)
    .filter(({ length }) => length < 2 ** 16);
  const inspections: readonly [string, (file: string) => Promise<unknown>][] = [
    ["qcow2 headers", readQcowHeader],
    ["empty qcow2 disks", isEmptyDisk],
    ["qcow2 images", inspectQcow2],
    ["qcow2 overlays", (disk) => inspectOverlay(disk, { backing: "base.qcow2", minSize: 1 })],
    ["foreign disks", inspectDisk],
  ];
  const ofDisks = inspections.map(([name, inspect]) =>
    asyncTarget(name, mutated(disks), async (bytes) => {
      await writeFile(file, bytes);
      await inspect(file);
    }),
  );
  const ofArchives = [
    asyncTarget("tar of guests", fc.tuple(mutated(archives), cuts), async ([all, at]) => {
      const found: string[] = [];
      for await (const entry of readTar(stream(all, at))) {
        found.push(entry.name);
        if (found.length > all.length / 512) throw new Error("there are more entries than blocks");
      }
    }),
    asyncTarget("tar that is written anew", fc.tuple(mutated(archives), cuts), async ([all, at]) => {
      const guest = {
        readArchive: () => stream(all, at),
        execInteractive: async () => 0,
        [Symbol.asyncDispose]: async () => undefined,
      };
      const items = [{ path: "/x", archivePath: () => "d" }];
      let length = 0;
      for await (const part of layerArchive(async () => guest, {
        items,
        owner: { kind: "reader" },
        skipDevices: true,
      })) {
        length += Buffer.from(part).length;
        if (length > maxOutput) throw new Error(`${all.length} bytes have become more than ${maxOutput}`);
      }
    }),
  ];
  return {
    targets: [...ofDisks, ...ofArchives],
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

async function* stream(all: Buffer, at: readonly number[]): AsyncGenerator<Buffer> {
  for (const piece of pieces(all, at)) if (piece.length > 0) yield piece;
}

/** The beginnings of disks of each format. */
async function exampleDisks(directory: string): Promise<readonly Buffer[]> {
  const at = (name: string): string => path.join(directory, name);
  await createDisk(at("base.qcow2"), { size: 2 ** 20 });
  await createOverlay(at("overlay.qcow2"), { backing: "base.qcow2" });
  for (const format of ["vmdk", "vhdx", "vdi", "vpc"])
    await run(["qemu-img", "create", "-q", "-f", format, at(format), "1M"]);
  const all = await Promise.all(
    ["base.qcow2", "overlay.qcow2", "vmdk", "vhdx", "vdi", "vpc"].map((name) => readFile(at(name))),
  );
  // Most changes are to hit the header.
  return all.flatMap((disk) => [disk.subarray(0, 2 ** 15), disk.subarray(0, 120)]);
}
