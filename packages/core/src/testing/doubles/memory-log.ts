import { orCancelled } from "../../abort.ts";
import { throwIfCancelled } from "../../errors.ts";

/** A log in memory that can be followed while it is written. */
export class MemoryLog {
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #changed = Promise.withResolvers<void>();

  append(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  /** Everything from the start, and on until the log ends. */
  async *follow(signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    for (let next = 0; ;) {
      throwIfCancelled(signal);
      const chunk = this.#chunks[next];
      if (chunk) {
        next++;
        yield chunk;
      } else if (this.#ended) return;
      else await orCancelled(this.#changed.promise, signal);
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
