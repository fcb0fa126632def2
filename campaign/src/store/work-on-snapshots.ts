import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileIdentity, noopEmit, run, sha256, storeLayout } from "@ob/core";
import type { SnapshotKey } from "../../../packages/sandbox-qemu/src/snapshot/snapshot-key.ts";
import { SnapshotStore } from "../../../packages/sandbox-qemu/src/snapshot/snapshot-store.ts";
import { baseName } from "./spec.ts";
import type { Say } from "./work-on.ts";

/** What the files of a simulated snapshot hold. */
const parts = {
  state: Buffer.alloc(9_000, "state"),
  // A hole in the middle.
  memory: Buffer.concat([Buffer.alloc(8_192, "memory"), Buffer.alloc(40_960), Buffer.alloc(8_192, "more")]),
  "disk.qcow2": Buffer.alloc(20_000, "disk"),
};
const baseline = "what a ready guest is like\n".repeat(200);

/** Saves a snapshot that QEMU would have made, and then the baseline of a guest that was resumed from it. */
export async function saveSnapshot(directory: string, say: Say): Promise<void> {
  const key = await keyIn(directory);
  await using store = await open(directory);
  if (store.reserve(key)) {
    await store.save(key, { costMs: 5_000, write: async (draft) => await writeParts(directory, draft) });
    store.release(key);
  }
  await using found = await store.find(key);
  if (found) await found.baselineFile.write(baseline);
  say(found ? "snapshot" : "no snapshot");
}

/** Looks at the snapshot that a store has, if any. @returns what is wrong, in words. */
export async function checkSnapshot(directory: string): Promise<readonly string[]> {
  await using store = await open(directory);
  await using found = await store.find(await keyIn(directory));
  if (!found) return [];
  const faults: string[] = [];
  const expect = async (name: string, file: string, bytes: Buffer): Promise<void> => {
    if (!(await readFile(file)).equals(bytes))
      faults.push(`a snapshot would be resumed whose ${name} is not whole`);
  };
  await expect("state", `/proc/self/fd/${found.saved.state}`, parts.state);
  await expect("memory", `/proc/self/fd/${found.saved.memory}`, parts.memory);
  const disk = path.join(directory, "copied-disk");
  await found.copyDisk(disk);
  await expect("disk", disk, parts["disk.qcow2"]);
  const kept = await found.baselineFile.read();
  if (kept !== undefined && kept !== baseline) faults.push("the baseline of a snapshot is not whole");
  return faults;
}

async function open(directory: string): Promise<SnapshotStore> {
  const stateDirectory = storeLayout(directory).qemu;
  return await SnapshotStore.open({ stateDirectory, space: 2 ** 30, emit: noopEmit });
}

async function keyIn(directory: string): Promise<SnapshotKey> {
  const image = path.join(storeLayout(directory).baseImages, `${baseName}.qcow2`);
  const identity = await fileIdentity(image);
  return { name: sha256("power"), point: "ready", files: [identity], contents: [identity] };
}

/** The memory and the disk are copied as those of a machine are. */
async function writeParts(directory: string, draft: string): Promise<void> {
  const sources = path.join(path.dirname(directory), `${path.basename(directory)}-machine`);
  await mkdir(sources, { recursive: true });
  await writeFile(path.join(draft, "state"), parts.state);
  for (const name of ["memory", "disk.qcow2"] as const) {
    const from = path.join(sources, name);
    await writeFile(from, parts[name]);
    await run(["cp", "--sparse=always", "--reflink=auto", from, path.join(draft, name)]);
  }
}
