import type { Emit, LayerId } from "@ob/core";
import type { Ending } from "../output/ending.ts";

/** Shows one build. Disposing restores the terminal; it is idempotent. */
export interface Progress extends Disposable {
  readonly emit: Emit;
  /** Undefined if more output of a step can be shown now, else resolves when it can. */
  outputTaken(): Promise<void> | undefined;
  /** True if it needs the events of parallel builds in the order of the spec. */
  readonly ordered: boolean;
  /** A line of the command itself. */
  say(line: string): void;
  /** Leaves the terminal to another program until it is disposed of; what happens meanwhile is shown afterwards. */
  pause(): Disposable;
  /** The build is done, with this layer. */
  succeeded(id: LayerId): void;
  /** The build ended with an error, which the catcher prints. */
  failed(ending: Ending): void;
}
