import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FileIdentity, fileIdentity, isUnchanged, snapshotPointNames } from "@ob/core";
import * as v from "valibot";
import { snapshotFiles } from "./save.ts";
import { snapshotFormat, type SnapshotKey } from "./snapshot-key.ts";

const identity = v.object({ path: v.string(), id: v.string() });
const schema = v.object({
  format: v.literal(snapshotFormat),
  point: v.picklist(snapshotPointNames),
  /** See `SnapshotKey.files`. */
  files: v.array(identity),
  /** `FileIdentity.id` of each file of the snapshot, to detect files that were changed later. */
  parts: v.object({ state: v.string(), memory: v.string(), disk: v.optional(v.string()) }),
});

/** The contents of `snapshot.json`. */
export type SnapshotRecord = v.InferOutput<typeof schema>;

export const recordName = "snapshot.json";

/** Writes the record of a complete snapshot. It stays valid when the directory is renamed. */
export async function writeRecord(directory: string, key: SnapshotKey): Promise<void> {
  const id = async (name: string): Promise<string> => (await fileIdentity(join(directory, name))).id;
  const record: SnapshotRecord = {
    format: snapshotFormat,
    point: key.point,
    files: [...key.files],
    parts: {
      state: await id(snapshotFiles.state),
      memory: await id(snapshotFiles.memory),
      ...(key.point === "ready" && { disk: await id(snapshotFiles.disk) }),
    },
  };
  await writeFile(join(directory, recordName), `${JSON.stringify(record, undefined, 2)}\n`, {
    flush: true,
    mode: 0o600,
  });
}

/** The record of a snapshot that is complete and can still be resumed; otherwise undefined. */
export async function readRecord(directory: string): Promise<SnapshotRecord | undefined> {
  let record: SnapshotRecord;
  try {
    record = v.parse(schema, JSON.parse(await readFile(join(directory, recordName), "utf8")));
  } catch {
    return undefined;
  }
  const { state, memory, disk } = record.parts;
  const at = (name: string, id: string): FileIdentity => ({ path: join(directory, name), id });
  const own = [at(snapshotFiles.state, state), at(snapshotFiles.memory, memory)];
  if (disk !== undefined) own.push(at(snapshotFiles.disk, disk));
  const same = await Promise.all([...record.files, ...own].map(isUnchanged));
  return same.every(Boolean) ? record : undefined;
}
