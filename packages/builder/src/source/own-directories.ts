import { type BigIntStats, lstatSync } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ObError } from "@ob/core";

/**
 * The directories of a store. A `copy` leaves them out, whichever path leads to them: a directory is identified by its
 * device and inode.
 */
export interface OwnDirectories {
  /** True for one of them. @param path not of a symbolic link. */
  readonly has: (path: Buffer) => boolean;
  /** True for one of them, and for a directory above one that holds nothing else. */
  readonly leavesOut: (path: Buffer) => Promise<boolean>;
}

/** Those of a store without a directory. */
export const noDirectories: OwnDirectories = { has: () => false, leavesOut: async () => false };

/**
 * Finds a store's own directories. Those that do not exist yet count as well, so that a plan without a store has the
 * same ids as the build that creates it.
 *
 * @throws ObError `BAD_SOURCE` if the source directory is one of them, or in one.
 */
export async function findOwnDirectories(
  paths: readonly string[],
  sourceDirectory: string,
): Promise<OwnDirectories> {
  const own = new Set<string>();
  const above = new Set<string>();
  for (const path of paths) {
    const [found, ...parents] = await identitiesOf(path);
    if (found !== undefined) own.add(found);
    for (const parent of parents) if (parent !== undefined) above.add(parent);
  }
  if ((await identitiesOf(sourceDirectory)).some((each) => each !== undefined && own.has(each))) {
    throw storeAsSource(sourceDirectory);
  }
  const leavesOut = async (path: Buffer): Promise<boolean> => {
    const identity = identityAt(path);
    if (identity === undefined) return false;
    return own.has(identity) || (above.has(identity) && (await holdsNothingElse(path, leavesOut)));
  };
  return {
    has: (path) => {
      const identity = identityAt(path);
      return identity !== undefined && own.has(identity);
    },
    leavesOut,
  };
}

/** The identities of a directory and its parents, innermost first; undefined for those that do not exist. */
async function identitiesOf(path: string): Promise<readonly (string | undefined)[]> {
  const missing: undefined[] = [];
  for (let at = path; ; at = dirname(at)) {
    const real = await realpath(at).catch(() => undefined);
    if (real !== undefined) return [...missing, ...(await identitiesUpFrom(real))];
    if (at === dirname(at)) return missing;
    missing.push(undefined);
  }
}

async function identitiesUpFrom(real: string): Promise<readonly (string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for (let at = real; ; at = dirname(at)) {
    found.push(await stat(at, { bigint: true }).then(identityOf, () => undefined));
    if (at === dirname(at)) return found;
  }
}

/** False if it cannot be read: the next reader reports the error. */
async function holdsNothingElse(
  path: Buffer,
  leavesOut: (path: Buffer) => Promise<boolean>,
): Promise<boolean> {
  const entries = await readdir(path, { encoding: "buffer", withFileTypes: true }).catch(() => undefined);
  if (!entries) return false;
  for (const entry of entries) {
    if (!entry.isDirectory()) return false;
    if (!(await leavesOut(Buffer.concat([path, Buffer.from("/"), entry.name])))) return false;
  }
  return true;
}

/** Undefined on errors too, which the copy reports. */
function identityAt(path: Buffer): string | undefined {
  try {
    return identityOf(lstatSync(path, { bigint: true }));
  } catch {
    return undefined;
  }
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

function storeAsSource(sourceDirectory: string): ObError {
  return new ObError(
    "BAD_SOURCE",
    `The source directory ${JSON.stringify(sourceDirectory)} is in the store of this build, which is never copied.`,
    { hint: "Give the directory of your project as the source directory." },
  );
}
