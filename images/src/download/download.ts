import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cancelledError, isFile, ObError, sha256File, errnoCode, throwIfCancelled } from "@ob/core";
import { lockDownload } from "./download-lock.ts";
import { fetchRest, HttpFailure } from "./http-fetch.ts";
import type { RecipeDownload } from "../recipe/recipe.ts";

/** A file that a recipe downloads. */
export interface Download extends RecipeDownload {
  /** The URL that the file is downloaded from. */
  readonly url: string;
  /** In lower-case hex; pinned in the recipe, or from a list with a verified signature. */
  readonly sha256: string;
}

export interface DownloadOptions {
  /** Absolute path of the download directory. */
  readonly downloads: string;
  /** Absolute paths of local files to use instead of downloads, by download name. */
  readonly from: ReadonlyMap<string, string>;
  /** Called with the bytes received so far, and the total if the server reports it. */
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long a server may send nothing, in seconds; by default 60. */
  readonly silenceSeconds?: number | undefined;
  /** How many consecutive attempts may fail without receiving a byte; by default 4 retries. */
  readonly retries?: number | undefined;
}

/**
 * Provides a file: the user's local file, a previous download, or a new download. A partial download of a broken
 * connection or a killed build is resumed if the server still has the same file. Only a file with the right checksum
 * is returned.
 *
 * @returns the file's absolute path: in `downloads`, or as given by the user. It must not be modified.
 * @throws ObError `USAGE` for a wrong local file; `BASE_IMAGE` for a failed download, with how to supply the file;
 *   `NO_SPACE`, `CANCELLED`.
 */
export async function download(file: Download, options: DownloadOptions): Promise<string> {
  const { downloads, from, signal } = options;
  const given = from.get(file.name);
  if (given !== undefined) return await checkGiven(file, { given, signal });
  await mkdir(downloads, { recursive: true, mode: 0o700 });
  const kept = join(downloads, `${file.sha256.slice(0, 16)}-${file.name}`);
  using _ = await lockDownload(kept, signal);
  if (await isFile(kept)) {
    if ((await sha256File(kept, signal)) === file.sha256) {
      // A killed build can have left it.
      await rm(`${kept}.part.json`, { force: true });
      return kept;
    }
    await rm(kept, { force: true });
  }
  const part = `${kept}.part`;
  try {
    await fetchAll(file, { ...options, part });
  } catch (error) {
    throw explain(error, { file, kept, signal });
  }
  const digest = await sha256File(part, signal);
  if (digest !== file.sha256) {
    await Promise.all([rm(part, { force: true }), rm(`${part}.json`, { force: true })]);
    throw new ObError(
      "BASE_IMAGE",
      `${file.name} (${file.what}) from ${file.url} is not the file that was expected: its sha256 is ${digest}, and not ${file.sha256}.`,
      { hint: `The server may have a newer file. ${howToSupply(file, kept)}`, data: { option: "from" } },
    );
  }
  await flush(part);
  await rename(part, kept);
  await rm(`${part}.json`, { force: true });
  return kept;
}

/** Maximum size of a list in bytes. */
const maxListLength = 1 << 20;

/**
 * Downloads a small file that a signature authenticates, such as a list of checksums. It is not stored, because such
 * lists change.
 *
 * @throws ObError as `download`.
 */
export async function downloadList(
  file: Omit<Download, "sha256">,
  { from, signal, silenceSeconds = 60 }: Omit<DownloadOptions, "downloads" | "onProgress">,
): Promise<Uint8Array> {
  const given = from.get(file.name);
  if (given !== undefined) return await readGiven(file, given);
  try {
    const bytes: Uint8Array[] = [];
    let length = 0;
    await using source = await fetchRest(file.url, {
      start: 0,
      validator: undefined,
      signal,
      silenceSeconds,
    });
    for await (const chunk of source.chunks) {
      length += chunk.length;
      if (length > maxListLength)
        throw new HttpFailure(`what it sends is larger than ${maxListLength} bytes`);
      bytes.push(chunk);
    }
    return Buffer.concat(bytes);
  } catch (error) {
    throw explain(error, { file, kept: undefined, signal });
  }
}

interface FetchAllOptions extends DownloadOptions {
  /** Absolute path of the partial download. */
  readonly part: string;
}

async function fetchAll(file: Download, options: FetchAllOptions): Promise<void> {
  const { part, signal, retries = 4 } = options;
  let failures = 0;
  for (;;) {
    const before = await sizeOf(part);
    try {
      return await fetchOnce(file, options);
    } catch (error) {
      throwIfCancelled(signal);
      if (!(error instanceof HttpFailure) || error.kind === "refused") throw error;
      if (error.kind === "no-such-part") {
        // A build that was killed before the last rename has left a complete file.
        if ((await sha256File(part, signal)) === file.sha256) return;
        await rm(part, { force: true });
      }
      failures = (await sizeOf(part)) > before ? 0 : failures + 1;
      if (failures > retries) throw error;
      await sleep(Math.min(250 * 2 ** failures, 5_000), undefined, { signal }).catch(() => undefined);
    }
  }
}

async function fetchOnce(file: Download, options: FetchAllOptions): Promise<void> {
  const { part, signal, silenceSeconds = 60, onProgress } = options;
  const validator = await readValidator(part, file.url);
  // Without a validator the server cannot confirm that its file is unchanged, and parts of two files could be joined.
  const start = validator === undefined ? 0 : await sizeOf(part);
  await using source = await fetchRest(file.url, { start, validator, signal, silenceSeconds });
  await using output = await open(part, source.start === 0 ? "w" : "a");
  await writeFile(`${part}.json`, JSON.stringify({ url: file.url, validator: source.validator }));
  let done = source.start;
  onProgress?.(done, source.total);
  for await (const chunk of source.chunks) {
    await output.writeFile(chunk);
    done += chunk.length;
    onProgress?.(done, source.total);
  }
  if (source.total !== undefined && done !== source.total) {
    throw new HttpFailure(`it sent ${done} of ${source.total} bytes`, { kind: "broken" });
  }
}

/** The validator that identifies the server's version of the partial file; undefined if unknown. */
async function readValidator(part: string, url: string): Promise<string | undefined> {
  try {
    const note: unknown = JSON.parse(await readFile(`${part}.json`, "utf8"));
    if (typeof note !== "object" || note === null || !("url" in note && "validator" in note))
      return undefined;
    return note.url === url && typeof note.validator === "string" ? note.validator : undefined;
  } catch {
    // Missing, or truncated by a crash: the file is downloaded from its start.
    return undefined;
  }
}

async function checkGiven(
  file: Download,
  { given, signal }: { readonly given: string; readonly signal: AbortSignal | undefined },
): Promise<string> {
  const digest = await sha256File(given, signal).catch((error: unknown) => {
    throw cannotRead(file, { given, error });
  });
  if (digest === file.sha256) return given;
  throw new ObError(
    "USAGE",
    `${given} is not ${file.what}: its sha256 is ${digest}, and not ${file.sha256}.`,
    {
      hint: `It must be the file that ${file.url} has, unchanged.`,
    },
  );
}

async function readGiven(file: Omit<Download, "sha256">, given: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of createReadStream(given, { end: maxListLength })) {
      if (chunk instanceof Uint8Array) chunks.push(chunk);
    }
  } catch (error) {
    throw cannotRead(file, { given, error });
  }
  return Buffer.concat(chunks);
}

function cannotRead(
  file: Omit<Download, "sha256">,
  { given, error }: { readonly given: string; readonly error: unknown },
): unknown {
  const code = error instanceof ObError ? undefined : errnoCode(error);
  if (code === undefined) return error;
  return new ObError("USAGE", `${given}, given for ${file.name}, cannot be read: ${code}.`, { cause: error });
}

interface Circumstances {
  readonly file: Omit<Download, "sha256"> & { readonly sha256?: string | undefined };
  /** Absolute path of the finished download; undefined if it is not stored. */
  readonly kept: string | undefined;
  readonly signal: AbortSignal | undefined;
}

function explain(error: unknown, { file, kept, signal }: Circumstances): unknown {
  if (signal?.aborted === true) return cancelledError(signal);
  if (error instanceof HttpFailure) {
    return new ObError(
      "BASE_IMAGE",
      `${file.name} (${file.what}) cannot be downloaded from ${file.url}: ${error.message}.`,
      { hint: howToSupply(file, kept), data: { option: "from" }, cause: error },
    );
  }
  const code = errnoCode(error);
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
    return new ObError("NO_SPACE", `The disk is full: ${file.name} does not fit at ${kept ?? "its place"}.`, {
      hint: "Free some space. The download is resumed where it stopped.",
      cause: error,
    });
  }
  return error;
}

function howToSupply(file: Circumstances["file"], kept: string | undefined): string {
  const checksum = file.sha256 === undefined ? "" : `; its sha256 must be ${file.sha256}`;
  const place = kept === undefined ? "" : `, and put it at ${kept}`;
  return `Get it by other means${place}${checksum}.`;
}

async function flush(file: string): Promise<void> {
  await using handle = await open(file, "r+");
  await handle.sync();
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
