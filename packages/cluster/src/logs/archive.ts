import * as v from "valibot";

/** Where the beginnings of long logs go, for example blobs of a registry. */
export interface LogArchive {
  /** @returns a name for the bytes, by which every machine can get them. */
  put(bytes: Uint8Array): Promise<string>;
  /** The bytes of that name; undefined if they are gone. */
  get(name: string): Promise<Uint8Array | undefined>;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** A chunk of a log in the archive. */
export const archivedChunkSchema = v.strictObject({
  v: v.literal(1),
  /** The offset of its first byte. */
  at: count,
  length: count,
  /** Undefined if there is no archive: the bytes are dropped. */
  name: v.optional(v.pipe(v.string(), v.maxLength(1_000))),
});
export type ArchivedChunk = v.InferOutput<typeof archivedChunkSchema>;
