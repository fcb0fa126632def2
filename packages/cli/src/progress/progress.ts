import type { Emit, LayerId } from "@ob/core";

/** Shows one build. Disposing puts the terminal back in order; it is idempotent. */
export interface Progress extends Disposable {
  readonly emit: Emit;
  /** True if it shows one thing after the other: what builds side by side have to say must come in order. */
  readonly inOrder: boolean;
  /** A line of the command itself. */
  say(line: string): void;
  /** Leaves the terminal to someone else until it is disposed of; what happens meanwhile is shown afterwards. */
  pause(): Disposable;
  /** The build is done, with this layer. */
  succeeded(id: LayerId): void;
  /** The build ended with an error, which is printed by whoever catches it. */
  failed(error: unknown, exitCode: number): void;
}
