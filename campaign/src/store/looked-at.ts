import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Layer } from "@ob/core";
import { readQcowHeader, resolveBacking } from "@ob/qcow2";
import { type LookAtDisk, lookAtDiskOf } from "./check-store.ts";

/** Looks once at disks that are the same, byte for byte, with all that they are based on: most crashes leave most disks alone. */
export function lookingOnce(): LookAtDisk {
  const known = new Map<string, Promise<readonly string[]>>();
  return async (layer, patterns) => {
    const key = await keyOf(layer).catch(() => undefined);
    if (key === undefined) return await lookAtDiskOf(layer, patterns);
    const found = known.get(key) ?? lookAtDiskOf(layer, patterns);
    known.set(key, found);
    return await found;
  };
}

async function keyOf({ id, disk }: Layer): Promise<string> {
  const hash = createHash("sha256").update(id);
  for (let file: string | undefined = disk; file !== undefined;) {
    const header = await readQcowHeader(file);
    hash.update(
      createHash("sha256")
        .update(await readFile(file))
        .digest(),
    );
    file = header?.backing === undefined ? undefined : resolveBacking(file, header.backing);
  }
  return hash.digest("hex");
}
