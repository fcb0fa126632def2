import { open, rm, truncate } from "node:fs/promises";
import type { SerialConsole } from "./serial-console.ts";

/** How long the file gets, and how much of its start is kept then, in bytes. */
const maxLength = 2 * 2 ** 20;
const keptLength = 2 ** 20;

/** Makes the file that QEMU appends to, in place of another. */
export async function emptyConsoleLog(path: string): Promise<void> {
  await rm(path, { force: true });
  await using _ = await open(path, "wx", 0o600);
}

/**
 * Bounds the file in which QEMU logs the console of a guest: when it has become too long, all but its start is removed, and
 * what the guest prints then is appended. QEMU must have opened it to append.
 */
export function limitConsoleLog(console: SerialConsole, path: string): void {
  let length = 0;
  console.onOutput((text) => {
    length += Buffer.byteLength(text);
    if (length < maxLength) return;
    length = keptLength;
    // The file is removed with the VM.
    truncate(path, keptLength).catch(() => undefined);
  });
}
