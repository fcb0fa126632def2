import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  errnoCode,
  type FileIdentity,
  fileIdentity,
  isUnchanged,
  snapshotPointNames,
  partialBeside,
} from "@ob/core";
import * as v from "valibot";
import type { ContentDigests } from "./content-digests.ts";
import { snapshotFiles } from "./save.ts";
import { snapshotFormat, type SnapshotKey } from "./snapshot-key.ts";

const identity = v.object({ path: v.string(), id: v.string() });
const schema = v.object({
  format: v.literal(snapshotFormat),
  point: v.picklist(snapshotPointNames),
  /** See `SnapshotKey`. */
  files: v.array(identity),
  /** See `SnapshotKey`: where each was last seen, and the digest of its bytes. */
  contents: v.array(v.object({ ...identity.entries, sha256: v.string() })),
  /** `FileIdentity.id` of each file of the snapshot, to detect files that were changed later. */
  parts: v.object({ state: v.string(), memory: v.string(), disk: v.optional(v.string()) }),
});

/** The contents of `snapshot.json`. */
export type SnapshotRecord = v.InferOutput<typeof schema>;

export const recordName = "snapshot.json";

/** Writes the record of a complete snapshot. It stays valid when the directory is renamed. */
export async function writeRecord(
  directory: string,
  { key, digests }: { readonly key: SnapshotKey; readonly digests: ContentDigests },
): Promise<void> {
  const id = async (name: string): Promise<string> => (await fileIdentity(join(directory, name))).id;
  const contents = [];
  for (const file of key.contents) {
    const found = await digests.of(file);
    if (found === undefined) throw new RangeError(`${file.path} has changed meanwhile`);
    contents.push(found);
  }
  const record: SnapshotRecord = {
    format: snapshotFormat,
    point: key.point,
    files: [...key.files],
    contents,
    parts: {
      state: await id(snapshotFiles.state),
      memory: await id(snapshotFiles.memory),
      ...(key.point === "ready" && { disk: await id(snapshotFiles.disk) }),
    },
  };
  await write(directory, record);
}

/**
 * True if the files that a VM is started with have the bytes that a snapshot was taken with. Those that were written anew, as a
 * layer is that is imported again, are read once, and recorded.
 */
export async function hasContents(
  directory: string,
  {
    record,
    key,
    digests,
  }: { readonly record: SnapshotRecord; readonly key: SnapshotKey; readonly digests: ContentDigests },
): Promise<boolean> {
  const same = key.contents.every((file, index) => isSame(file, record.contents[index]));
  if (key.contents.length !== record.contents.length) return false;
  if (same) return true;
  const contents = await Promise.all(key.contents.map((file) => digests.of(file)));
  if (contents.some((file, index) => file?.sha256 !== record.contents[index]?.sha256)) return false;
  try {
    await write(directory, { ...record, contents: contents.filter((file) => file !== undefined) });
  } catch (error) {
    // Neither a snapshot that was removed meanwhile nor a full disk is an error: the files are read again.
    if (errnoCode(error) === undefined) throw error;
  }
  return true;
}

function isSame(one: FileIdentity, other: FileIdentity | undefined): boolean {
  return one.path === other?.path && one.id === other.id;
}

async function write(directory: string, record: SnapshotRecord): Promise<void> {
  const draft = await partialBeside(join(directory, recordName));
  await writeFile(draft, `${JSON.stringify(record, undefined, 2)}\n`, { flush: true, mode: 0o600 });
  await rename(draft, join(directory, recordName));
}

/** The record of a snapshot that is complete, and whose files are still the same; otherwise undefined. See `hasContents`. */
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
