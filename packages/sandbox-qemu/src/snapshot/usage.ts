import { readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoCode, partialBeside } from "@ob/core";
import * as v from "valibot";
import { recordName } from "./snapshot-record.ts";
import { type Usage, usedAgain, usefulness } from "./usefulness.ts";

/*
 * How useful snapshots are, measured: `usage.json` in the directory of each. The time of the last use is that of its record.
 */

const usageName = "usage.json";
const count = v.pipe(v.number(), v.finite(), v.minValue(0));
const schema = v.object({ costMs: count, uses: count });

/** Of a snapshot that was just taken. */
export async function startUsage(directory: string, costMs: number): Promise<void> {
  await write(directory, { costMs, uses: 1, lastUsed: Date.now() });
}

/** Best effort: neither a snapshot that is removed meanwhile nor a full disk is an error. */
export async function recordUse(directory: string): Promise<void> {
  try {
    const now = new Date();
    await write(directory, usedAgain(await read(directory), now.getTime()));
    await utimes(join(directory, recordName), now, now);
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
  }
}

export interface LeastUsefulOptions {
  /** How much disk space all may take, in bytes. */
  readonly space: number;
  /** One that was just taken, and is kept: it would only be taken again. */
  readonly newest: string | undefined;
}

/** The snapshots that have to go so that the rest fits: the least useful ones. */
export async function leastUseful(
  snapshots: readonly { readonly name: string; readonly path: string }[],
  { space, newest }: LeastUsefulOptions,
): Promise<readonly string[]> {
  const now = Date.now();
  const found = [];
  for (const { name, path } of snapshots) {
    const bytes = await spaceOf(path);
    const useful = name === newest ? Infinity : usefulness(await read(path), { bytes, now });
    found.push({ name, bytes, useful });
  }
  let total = found.reduce((sum, { bytes }) => sum + bytes, 0);
  const removed = [];
  for (const { name, bytes } of found.toSorted((one, other) => one.useful - other.useful)) {
    if (total <= space) break;
    removed.push(name);
    total -= bytes;
  }
  return removed;
}

/** The disk space of the files in a directory, in bytes; holes take none. */
export async function spaceOf(directory: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(directory).catch(() => [])) {
    const found = await stat(join(directory, name)).catch(() => undefined);
    total += (found?.blocks ?? 0) * 512;
  }
  return total;
}

export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

async function read(directory: string): Promise<Usage> {
  const used = await stat(join(directory, recordName)).catch(() => undefined);
  const lastUsed = used?.mtimeMs ?? 0;
  try {
    const text = await readFile(join(directory, usageName), "utf8");
    return { ...v.parse(schema, JSON.parse(text)), lastUsed };
  } catch {
    // It is removed meanwhile, or not as it was written: nothing is known of its use.
    return { costMs: 0, uses: 0, lastUsed };
  }
}

async function write(directory: string, { costMs, uses }: Usage): Promise<void> {
  const draft = await partialBeside(join(directory, usageName));
  try {
    await writeFile(draft, `${JSON.stringify({ costMs, uses })}\n`, { mode: 0o600 });
    await rename(draft, join(directory, usageName));
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
