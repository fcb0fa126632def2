import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { disposableWith, findProgram } from "@ob/core";

/** A running registry of go-containerregistry. It ends, and its files go, when it is disposed of. */
export interface CraneRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
}

/** Debian has it from version 14 on, in the package crane. */
export async function hasCraneRegistry(): Promise<boolean> {
  return (await findProgram("crane")) !== undefined;
}

/** Starts `crane registry serve` on a free port of the loopback. Its blobs are those of all repositories. */
export async function startCraneRegistry(): Promise<CraneRegistry> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "crane-registry-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const args = ["registry", "serve", "--address", "127.0.0.1:0", "--disk", directory];
  const child = spawn("crane", args, { stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(child, "close");
  stack.defer(async () => {
    child.kill("SIGKILL");
    await closed;
  });
  const said: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    said.push(line);
    const port = /serving on port (\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    child.stderr.resume();
    return disposableWith({ host: `127.0.0.1:${port}` }, stack);
  }
  throw new Error(`crane ended:\n${said.slice(-5).join("\n")}`);
}
