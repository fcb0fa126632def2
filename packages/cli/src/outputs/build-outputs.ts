import { type LayerId, ObError } from "@ob/core";
import type { Arguments, ProgressMode } from "../args/options.ts";
import { isOnStdout, type LayerOutput } from "../args/output.ts";
import type { Session } from "../commands/session.ts";
import type { ProcessIo } from "../process-io.ts";
import type { Progress } from "../progress/progress.ts";
import { openSharedStore } from "../sharing/open-shared-store.ts";
import { checkOutput, type OutputOptions, writeOutput } from "./write-output.ts";

/** @throws ObError `USAGE` if they cannot be written: it is reported before anything is built. */
export async function checkBuildOutputs(
  outputs: readonly LayerOutput[],
  { io, mode }: { readonly io: ProcessIo; readonly mode: ProgressMode },
): Promise<void> {
  if (outputs.some(isOnStdout) && mode === "json") {
    throw new ObError("USAGE", "An archive and --progress=json cannot both be written to standard output.", {
      hint: "Name a file: --output type=tar,dest=FILE",
    });
  }
  for (const output of outputs) await checkOutput(output, { io, overwrite: true });
}

interface BuildOutputOptions extends Pick<OutputOptions, "openGuest"> {
  readonly args: Arguments;
  readonly session: Session;
  readonly progress: Progress;
}

/** Writes what a build has made. As with BuildKit, an output replaces that of an earlier build. */
export async function writeBuildOutputs(
  id: LayerId,
  outputs: readonly LayerOutput[],
  { args, session, openGuest, progress }: BuildOutputOptions,
): Promise<void> {
  if (outputs.length === 0) return;
  await using opened = await openSharedStore(args, session);
  const { store } = opened;
  await opened.lookFor(id);
  for (const output of outputs) {
    const options = { store, openGuest, io: session.io, overwrite: true, emit: progress.emit };
    const said = await writeOutput(id, output, options);
    if (said !== undefined) progress.say(said);
  }
}
