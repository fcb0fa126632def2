import { open } from "node:fs/promises";
import { run } from "@ob/core";

/** What a hostile disk tries to read. */
export interface Targets {
  /** Absolute path of a file that only its owner can read; its size is a whole number of sectors. */
  readonly secret: string;
  /** A local port on which connections are counted. */
  readonly port: number;
}

export interface HostileDisk {
  readonly what: string;
  /** What the error message has to contain. */
  readonly says: RegExp;
  readonly make: (path: string, targets: Targets) => Promise<unknown>;
}

/** Creates a disk with `qemu-img`; the last word is its size. */
export const create = async (path: string, ...words: readonly string[]): Promise<unknown> =>
  await run(["qemu-img", "create", "-q", ...words.slice(0, -1), path, words.at(-1) ?? ""]);

/** Overwrites bytes of a file. */
export async function patch(path: string, at: number, bytes: readonly number[]): Promise<void> {
  await using file = await open(path, "r+");
  await file.write(Buffer.from(bytes), 0, bytes.length, at);
}
