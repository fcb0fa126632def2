import type { Emit, LayerId } from "@ob/core";

/** Shows one build. Disposing restores the terminal; it is idempotent. */
export interface Progress extends Disposable {
  readonly emit: Emit;
  /** True if it needs the events of parallel builds in the order of the spec. */
  readonly ordered: boolean;
  /** A line of the command itself. */
  say(line: string): void;
  /** Leaves the terminal to another program until it is disposed of; what happens meanwhile is shown afterwards. */
  pause(): Disposable;
  /** The build is done, with this layer. */
  succeeded(id: LayerId): void;
  /** The build ended with an error, which the catcher prints. */
  failed(error: unknown, exitCode: number): void;
}
