import { type BigIntStats, lstatSync } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ObError } from "@ob/core";

/**
 * The directories that a store keeps what it has in. No `copy` takes them along, however the source directory leads to
 * them: a directory is known by its device and inode, and not by its path.
 */
export interface OwnDirectories {
  /** True for one of them. @param path of what is no symbolic link. */
  readonly has: (path: Buffer) => boolean;
  /** True for one of them, and for a directory on the way to one that holds nothing else. */
  readonly leavesOut: (path: Buffer) => Promise<boolean>;
}

/** Of a store that is in no directory. */
export const noDirectories: OwnDirectories = { has: () => false, leavesOut: async () => false };

/**
 * Finds a store's own directories as they are now. Those that do not exist yet count as well: a plan from before the
 * store was made has the ids of the build that follows.
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
    const [found, ...parents] = await wayTo(path);
    if (found !== undefined) own.add(found);
    for (const parent of parents) if (parent !== undefined) above.add(parent);
  }
  if ((await wayTo(sourceDirectory)).some((each) => each !== undefined && own.has(each))) {
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

/** The identities of a directory and all that it lies in, itself first; undefined for what does not exist. */
async function wayTo(path: string): Promise<readonly (string | undefined)[]> {
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

/** Whoever reads the directory next explains why it cannot be read. */
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

/** Undefined for what cannot be looked at, either: whoever copies it explains why. */
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
    `The source directory ${JSON.stringify(sourceDirectory)} is the store, or lies in it: nothing of a store is ever copied.`,
    { hint: "Name the directory of your project as the source directory, the last argument of `build`." },
  );
}
