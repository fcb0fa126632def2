import { join } from "node:path";
import { type Emit, exists, noopEmit } from "@ob/core";
import type { SnapshotInfo } from "@ob/sandbox-qemu";
import { qemuStateOf } from "./sandbox-options.ts";
import type { StoreLocation } from "./args/store-location.ts";

interface OpenOptions {
  readonly location: StoreLocation;
  readonly emit?: Emit | undefined;
}

/** See `Services.pruneSnapshots`. */
export async function removeDeadSnapshots({ location, emit = noopEmit }: OpenOptions): Promise<void> {
  const stateDirectory = qemuStateOf(location);
  if (!(await hasSnapshots(stateDirectory))) return;
  const { pruneSnapshots } = await import("@ob/sandbox-qemu");
  await pruneSnapshots({ stateDirectory, emit });
}

/** See `Services.listSnapshots`. */
export async function listSnapshotsOf({ location }: OpenOptions): Promise<readonly SnapshotInfo[]> {
  const stateDirectory = qemuStateOf(location);
  if (!(await hasSnapshots(stateDirectory))) return [];
  const { listSnapshots } = await import("@ob/sandbox-qemu");
  return await listSnapshots({ stateDirectory });
}

/** See `Services.removeSnapshots`. */
export async function removeSnapshotsOf(names: readonly string[], { location }: OpenOptions): Promise<void> {
  const { removeSnapshots } = await import("@ob/sandbox-qemu");
  await removeSnapshots(names, { stateDirectory: qemuStateOf(location) });
}

/** Most stores have none: then the sandbox is not loaded. */
async function hasSnapshots(stateDirectory: string): Promise<boolean> {
  return await exists(join(stateDirectory, "snapshots"));
}
