import {
  accessSync,
  type BigIntStats,
  mkdirSync,
  readdirSync,
  readFileSync,
  type Stats,
  statSync,
  utimesSync,
} from "node:fs";

/*
 * A look at a file on a local disk takes some microseconds, a trip to the thread pool ten times as long; and node:fs/promises
 * loads the streams of Node.js, a tenth of the time of a cached build. What can wait, such as a read of a pipe, or takes long, belongs to
 * node:fs/promises.
 */

/* oxlint-disable require-await -- as in node:fs/promises, whatever fails rejects. */

/** Functions of `node:fs/promises` that do their work at once, for what takes no time on a local disk. */
export const localFs = {
  access: async (path: string, mode?: number): Promise<void> => accessSync(path, mode),
  mkdir: async (
    path: string,
    options: { readonly mode: number; readonly recursive?: boolean },
  ): Promise<string | undefined> => mkdirSync(path, options),
  readdir: async (path: string): Promise<string[]> => readdirSync(path),
  /** Of a file that is known to be regular and small: a pipe would stop the process. */
  readFile: async (path: string): Promise<Buffer> => readFileSync(path),
  stat: async (path: string): Promise<Stats> => statSync(path),
  bigintStat: async (path: string): Promise<BigIntStats> => statSync(path, { bigint: true }),
  utimes: async (path: string, atime: Date, mtime: Date): Promise<void> => utimesSync(path, atime, mtime),
} as const;
