import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { checkOptions, diskUsage, errnoCode } from "@ob/core";
import { recordName } from "./snapshot-record.ts";

/** A VM snapshot on the host's disk. */
export interface SnapshotInfo {
  readonly name: string;
  /** In bytes. */
  readonly bytes: number;
  readonly lastUsed: Date;
}

export interface SnapshotsOptions {
  /** As `SandboxOptions`. */
  readonly stateDirectory: string;
}

/** The VM snapshots that are kept, by name. */
export async function listSnapshots(options: SnapshotsOptions): Promise<readonly SnapshotInfo[]> {
  checkOptions("listSnapshots", options, { stateDirectory: "string" });
  const directory = directoryOf(options);
  const found: SnapshotInfo[] = [];
  for (const name of (await namesIn(directory)).toSorted()) {
    const path = join(directory, name);
    // Its time is that of the last use.
    const record = await stat(join(path, recordName)).catch(() => undefined);
    found.push({ name, bytes: await diskUsage(path), lastUsed: record?.mtime ?? new Date(0) });
  }
  return found;
}

/**
 * Removes VM snapshots. One that a VM is being resumed from stays readable for it; later VMs are booted, and take it again.
 *
 * @param names those of `listSnapshots`; others are ignored.
 */
export async function removeSnapshots(names: readonly string[], options: SnapshotsOptions): Promise<void> {
  checkOptions("removeSnapshots", options, { stateDirectory: "string" });
  const directory = directoryOf(options);
  const known = new Set(await namesIn(directory));
  for (const name of names) {
    if (known.has(name)) await rm(join(directory, name), { recursive: true, force: true, maxRetries: 3 });
  }
}

function directoryOf({ stateDirectory }: SnapshotsOptions): string {
  return join(stateDirectory, "snapshots");
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return await readdir(directory).catch((error: unknown) => {
    if (errnoCode(error) === "ENOENT") return [];
    throw error;
  });
}
