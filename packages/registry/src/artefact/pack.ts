import { rm } from "node:fs/promises";
import type { Descriptor, Packed } from "../reference/descriptor.ts";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { abortReason, disposableWith, makeTemporaryDirectory, toStoreError } from "@ob/core";
import type { Repository } from "../blobs/repository.ts";
import { type Compressed, compressTo } from "../compress/files.ts";
import { type Content, contentOf, type Digest, digestOf } from "../reference/digest.ts";
import { type Artefact, encodeArtefact } from "./oci-manifest.ts";

/** Pushes blobs of one artefact. What it compresses is in a directory that is removed with it. */
export interface Packer extends AsyncDisposable {
  /** True if the registry has the blob, or had it a short time ago. */
  has(content: Content, signal: AbortSignal): Promise<boolean>;
  /** Digest and size of a file, unless they are known. */
  describe(file: string, known: Content | undefined, signal: AbortSignal): Promise<Content>;
  /** What a text is as a blob. */
  descriptor(text: string, mediaType: string): Descriptor;
  /** The digest that the manifest of an artefact has. */
  digestOf(artefact: Artefact): Digest;
  /** Pushes bytes. */
  bytes(bytes: Uint8Array, mediaType: string, signal: AbortSignal): Promise<Descriptor>;
  /** Pushes a file as it is. @param options `content` if its digest and size are known. */
  plain(
    file: string,
    options: {
      readonly mediaType: string;
      readonly content?: Content | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<Packed>;
  /** Compresses a file or a stream with zstd, and pushes that. */
  compressed(source: string | Readable, mediaType: string, signal: AbortSignal): Promise<Packed>;
}

export async function packer(repository: Repository, mountFrom?: string): Promise<Packer> {
  await using stack = new AsyncDisposableStack();
  const made = await makeTemporaryDirectory("push", repository.temporaryDirectory).catch((error: unknown) => {
    throw toStoreError(error, "make a directory for compressed files");
  });
  const directory = stack.use(made).path;
  let files = 0;
  const compress = async (
    source: string | Readable,
    file: string,
    signal: AbortSignal,
  ): Promise<Compressed> => {
    try {
      return await compressTo(source, file, signal);
    } catch (error) {
      if (signal.aborted) throw abortReason(signal);
      throw toStoreError(error, `compress ${typeof source === "string" ? source : "a stream"}`);
    }
  };
  const value: Omit<Packer, keyof AsyncDisposable> = {
    has: async (content, signal) => await repository.hadBlob(content, signal),
    describe: async (file, content, signal) => content ?? (await describeFile(file, signal)),
    descriptor: (text, mediaType) => ({ mediaType, ...contentOfBytes(Buffer.from(text)) }),
    digestOf: (artefact) => digestOf(encodeArtefact(artefact)),
    bytes: async (bytes, mediaType, signal) => {
      const content = contentOfBytes(bytes);
      await repository.pushBlob(content, { bytes }, { signal, mountFrom });
      return { mediaType, ...content };
    },
    plain: async (file, { mediaType, content: known, signal }) => {
      const content = known ?? (await describeFile(file, signal));
      await repository.pushBlob(content, { file }, { signal, mountFrom });
      return { blob: { mediaType, ...content }, content };
    },
    compressed: async (source, mediaType, signal) => {
      const file = join(directory, String(files++));
      const { content, uncompressed } = await compress(source, file, signal);
      await repository.pushBlob(content, { file }, { signal, mountFrom });
      await rm(file, { force: true });
      return { blob: { mediaType, ...content }, content: uncompressed };
    },
  };
  return disposableWith(value, stack);
}

function contentOfBytes(bytes: Uint8Array): Content {
  return { digest: digestOf(bytes), size: bytes.byteLength };
}

/** @throws ObError `STORE` if the file cannot be read. */
export async function describeFile(file: string, signal: AbortSignal): Promise<Content> {
  try {
    const { digest, size } = await contentOf(file, signal);
    return { digest, size };
  } catch (error) {
    if (signal.aborted) throw abortReason(signal);
    throw toStoreError(error, `read ${file}`);
  }
}
