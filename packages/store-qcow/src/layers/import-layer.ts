import { chmod, lstat } from "node:fs/promises";
import {
  layerBackingPath,
  type LayerId,
  type LayerImport,
  ObError,
  sha256File,
  type StorePath,
} from "@ob/core";
import { findDamage, inspectOverlay } from "@ob/qcow2";
import type { Chain } from "../chain/backing-chain.ts";
import type { StoreContext } from "../context.ts";

interface ImportPlace {
  readonly id: LayerId;
  /** Where the disk is written. */
  readonly disk: StorePath;
  /** Of the parent, which is pinned. */
  readonly chain: Chain;
  readonly signal: AbortSignal | undefined;
}

/** See `LayerWriter.importLayer`. */
export async function importDisk(
  { parent, digest, write }: LayerImport,
  { id, disk, chain, signal }: ImportPlace,
  { confine, emit }: StoreContext,
): Promise<void> {
  await write(disk, signal);
  if (!(await lstat(disk)).isFile()) throw refused(id, "it is not a file");
  await chmod(disk, 0o600);
  const found = await sha256File(disk, signal);
  if (found !== digest) throw refused(id, `its sha256 is ${found}, not ${digest}`);
  await inspectOverlay(disk, { backing: layerBackingPath(parent), minSize: chain.virtualSize });
  const damage = await findDamage(disk, { confine, signal, emit });
  if (damage !== undefined) throw refused(id, damage);
}

function refused(id: LayerId, why: string): ObError {
  return new ObError("STORE", `The disk of layer ${id} that came from elsewhere is refused: ${why}.`, {
    hint: "It was damaged on its way, or changed by somebody.",
    data: { problem: "corrupt" },
  });
}
