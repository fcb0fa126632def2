import { createInterface } from "node:readline/promises";
import { stdin } from "node:process";
import { firstError, isObError } from "@ob/core";
import type { ProgressMode } from "../args/options.ts";
import type { Session } from "../commands/session.ts";
import { endingOf } from "../output/ending.ts";
import type { ProcessIo } from "../process-io.ts";
import { createProgress } from "../progress/create-progress.ts";
import type { ClusterConnection } from "./cluster-ports.ts";

export interface FollowOptions {
  readonly connection: ClusterConnection;
  readonly session: Session;
  readonly mode: ProgressMode;
  /** How many steps the build has, and whether nested builds can run at the same time. */
  readonly steps: number;
  readonly parallel: boolean;
}

/**
 * Shows a build of a cluster as `build` shows one. Interrupted, it leaves the build running, unless somebody at a terminal says
 * that it is to be cancelled.
 *
 * @throws ObError as `Builder.build`.
 */
export async function followBuild(build: string, options: FollowOptions): Promise<void> {
  const { connection, session, mode, steps, parallel } = options;
  const { io, color, verbosity, onResult } = session;
  using progress = await createProgress({ io, mode, color, verbosity, steps, parallel, onResult });
  try {
    const id = await connection.attach(build, {
      emit: progress.emit,
      outputTaken: () => progress.outputTaken(),
      signal: io.signal,
    });
    progress.succeeded(id);
  } catch (thrown) {
    const error = firstError(thrown);
    const isLeaving = io.signal.aborted && isObError(error, "CANCELLED");
    progress.failed(endingOf(error, io.interruptedBy()));
    progress[Symbol.dispose]();
    if (isLeaving) await leave(build, connection, io);
    throw error;
  }
}

async function leave(build: string, connection: ClusterConnection, io: ProcessIo): Promise<void> {
  if (await isToBeCancelled(io)) {
    await connection.cancel(build);
    io.stderr.write(`Cancelled the build ${build}.\n`);
    return;
  }
  io.stderr.write(
    `The build ${build} goes on.\nobuilder attach ${build} shows it, obuilder cancel ${build} ends it.\n`,
  );
}

/** Asks at a terminal. A second Ctrl-C ends the command at once. */
async function isToBeCancelled(io: ProcessIo): Promise<boolean> {
  if (io.interruptedBy() !== "SIGINT" || io.stdin.isTTY !== true || io.stderr.isTTY !== true) return false;
  const question = createInterface({ input: stdin, output: io.stderr });
  // The line editor takes Ctrl-C, which is to end the command: the build goes on.
  const stopped = new AbortController();
  question.on("SIGINT", () => stopped.abort());
  question.on("close", () => stopped.abort());
  try {
    const answer = await question.question("\nDetach from the build, or cancel it? [d/c] ", {
      signal: stopped.signal,
    });
    return /^c/i.test(answer.trim());
  } catch {
    return false;
  } finally {
    question.close();
  }
}
