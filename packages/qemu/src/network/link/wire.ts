import type { NewSegment } from "./tcp-segment.ts";

/** What a socket sends by. */
export interface Wire {
  /** True if more would only wait in this process; `writable` is called when it is false again. */
  readonly isFull: boolean;
  send(segment: Omit<NewSegment, "source" | "destination">): void;
  /** The socket sends and takes nothing more. */
  closed(): void;
}
