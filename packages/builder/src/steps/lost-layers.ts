import { isObError, type LayerId, type LayerWriter } from "@ob/core";
import { type BuildScope, type EventSink, runSequentially } from "../scheduling/scheduler.ts";

/**
 * Makes a layer again that was in the store when the build first needed it. Where it still is, nothing is run.
 *
 * @param scope gets the events of the steps that are run again.
 */
export type MakeAgain = (scope: BuildScope) => Promise<void>;

/** A layer that a build has made or found, and needs once more. */
export interface NeededLayer {
  readonly id: LayerId;
  /** By default what needs the layer fails without it. */
  readonly makeAgain?: MakeAgain | undefined;
}

export interface MakingOptions extends EventSink {
  readonly signal: AbortSignal | undefined;
}

/**
 * Uses a layer. If it was deleted before its use began, it is made again. That is done as often as it takes: each time
 * needs another deletion.
 *
 * @throws what `use` and `makeAgain` throw.
 */
export async function withLayer<T>(
  { id, makeAgain }: NeededLayer,
  options: MakingOptions,
  use: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await use();
    } catch (error) {
      const isLost = isObError(error, "NO_SUCH_LAYER") && error.data?.["layer"] === id;
      if (!isLost || !makeAgain) throw error;
      options.emit({
        type: "log",
        level: "info",
        text: `Layer ${id} was deleted meanwhile; making it again.`,
      });
      // Who needs the layer has the slot, if there are any, and keeps it.
      await makeAgain(runSequentially(options));
    }
  }
}

/** Creates the disk of a step on its base: see `LayerWriter.createDisk`. */
export async function createDiskOn(
  base: LayerId,
  { writer, signal }: { readonly writer: LayerWriter; readonly signal: AbortSignal },
  deps: EventSink & { readonly makeBase?: MakeAgain | undefined },
): Promise<string> {
  const { emit, outputTaken, makeBase } = deps;
  const needed = { id: base, makeAgain: makeBase };
  return await withLayer(needed, { emit, outputTaken, signal }, () => writer.createDisk(base, signal));
}
