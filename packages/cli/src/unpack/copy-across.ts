import { rename, rm } from "node:fs/promises";
import { type Emit, run } from "@ob/core";
import { stagingName } from "./staging.ts";

/** A file and where it moves. Names are bytes. */
export interface Move {
  readonly from: Buffer;
  readonly to: Buffer;
}

/**
 * Copies a file, a link or a directory with its contents to another file system: under a temporary name first, which is
 * then renamed. The host's `cp` keeps modes, times, hard links, holes, and extended attributes as far as it can.
 */
export async function copyAcross({ from, to }: Move, emit: Emit): Promise<void> {
  const copy = beside(to);
  try {
    // Arguments are text, and names may be any bytes.
    const input = Buffer.concat([from, nul, copy, nul]);
    await run(["xargs", "-0", "cp", "-a", "--"], { input, emit });
    await rename(copy, to);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

const nul = Buffer.alloc(1);

/** An unused name in the same directory. */
function beside(path: Buffer): Buffer {
  return Buffer.concat([path.subarray(0, path.lastIndexOf("/") + 1), Buffer.from(stagingName())]);
}
