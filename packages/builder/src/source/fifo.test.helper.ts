import { execFileSync } from "node:child_process";

/** Makes a FIFO, which Node.js cannot. */
export function makeFifo(path: string): void {
  execFileSync("mkfifo", [path]);
}
