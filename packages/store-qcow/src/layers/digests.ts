import { diskIn, type LayerId, ObError, resultDirectory, sha256File, stagingDirectory } from "@ob/core";
import { imageState, isSameState } from "../base-images/base-images.ts";
import type { StoreContext } from "../context.ts";
import type { ImageState } from "../db/database.ts";

/*
 * An id names the inputs of a layer, and not its bytes: two runs of a step give different disks, and an overlay on the
 * other's is corrupt. What tells them apart is the sha256 of the disk's file. It is computed when it is first asked for, and
 * recorded with the file's size and time, so that no program that changes a layer without knowing of this, as the original
 * or an older version, leaves a wrong one. Flattening puts another file in its place: that keeps the digests of the former.
 */

/** What is known of a layer's disk. */
export interface DiskDigests {
  /** Of the file as it is, in bytes. */
  readonly size: number;
  /** Of the file as it is. */
  readonly digest: string;
  /** Of each file that the disk is known to have been, with the same contents; the oldest first. */
  readonly all: readonly string[];
}

/**
 * The digests of a layer's disk, by the file that its contents are in.
 *
 * @throws ObError `STORE` if the file changes meanwhile.
 */
export async function readDigests(
  { database }: StoreContext,
  id: LayerId,
  { file, signal }: { readonly file: string; readonly signal?: AbortSignal | undefined },
): Promise<DiskDigests> {
  const state = await stateOf(file);
  const known = database.diskDigests(id, state);
  const recorded = known.find(({ ofFile }) => ofFile)?.sha256;
  const digest = recorded ?? (await sha256File(file, signal));
  if (recorded === undefined) {
    if (!isSameState(state, await imageState(file))) throw changed(file);
    database.recordDiskDigest(id, state, { sha256: digest, ofFile: true });
  }
  const all = known.map(({ sha256 }) => sha256);
  return { size: state.size, digest, all: all.includes(digest) ? all : [...all, digest] };
}

/** The digests that are known of a layer's disk, without reading it. */
export async function knownDigests(
  { database }: StoreContext,
  id: LayerId,
  file: string,
): Promise<readonly string[]> {
  return database.diskDigests(id, await stateOf(file)).map(({ sha256 }) => sha256);
}

/** Records the digest of a disk that is about to be published. */
export async function recordDigest(
  { layout, database }: StoreContext,
  id: LayerId,
  sha256: string,
): Promise<void> {
  const state = await stateOf(diskIn(stagingDirectory(layout, id)));
  database.recordDiskDigest(id, state, { sha256, ofFile: true });
}

/** Keeps what is known of a layer's disk for the file that is about to replace it. */
export async function keepDigests(
  { layout, database }: StoreContext,
  id: LayerId,
  replacement: string,
): Promise<void> {
  const [former, later] = [await stateOf(diskIn(resultDirectory(layout, id))), await stateOf(replacement)];
  for (const { sha256 } of database.diskDigests(id, former)) {
    database.recordDiskDigest(id, later, { sha256, ofFile: false });
  }
}

async function stateOf(file: string): Promise<ImageState> {
  const state = await imageState(file);
  if (!state) throw new ObError("STORE", `${file} is missing.`);
  return state;
}

function changed(file: string): ObError {
  return new ObError("STORE", `${file} was changed while it was read.`, {
    hint: "Another program uses the store: layers never change.",
  });
}
