import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { text } from "node:stream/consumers";
import { type LayerId, layerId } from "@ob/core";

const command = path.resolve(import.meta.dirname, "../../../packages/cli/bin/obuilder.js");

/** How the command has ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Layers that it said were saved. */
  readonly saved: readonly LayerId[];
  /** The layer that a build said it has made. */
  readonly built: LayerId | undefined;
  /** What it wrote. */
  readonly text: string;
}

export interface StartOptions {
  /** By which its processes are found: it is in their environment. */
  readonly mark: string;
  /** Absolute path of the directory for temporary files. */
  readonly temporary: string;
}

/** Starts the command as a user does. */
export function startCommand(words: readonly string[], { mark, temporary }: StartOptions): ChildProcess {
  return spawn(process.execPath, [command, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, OB_CAMPAIGN_MARK: mark, TMPDIR: temporary },
  });
}

/** Waits until a command has ended. @param killAfter when it is killed, in milliseconds from now. */
export async function endOf(child: ChildProcess, killAfter?: number): Promise<Ended> {
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error("its output is not a pipe");
  const killing = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
  const exit: Promise<[number | null, NodeJS.Signals | null]> = once(child, "exit").then(([code, signal]) => [
    code,
    signal,
  ]);
  const [out, err, [status, signal]] = await Promise.all([text(stdout), text(stderr), exit]);
  clearTimeout(killing);
  const said = `${out}${err}`;
  const saved = [...said.matchAll(/^---> saved as "(\w{64})"$/gm)].map(([, id = ""]) => layerId(id));
  const built = /^Got: "(\w{64})"$/m.exec(out)?.[1];
  return { status, signal, saved, built: built === undefined ? undefined : layerId(built), text: said };
}
