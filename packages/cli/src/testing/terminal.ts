import { Writable } from "node:stream";
import { type LayerId, layerId, type StepInfo } from "@ob/core";
import type { Input } from "../process-io.ts";

/** An output that keeps what is written to it. */
export class Screen extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk);
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString();
  }
}

/** A standard input that holds `text`. */
export function inputOf(text: string): Input {
  return {
    async *[Symbol.asyncIterator]() {
      yield Buffer.from(text);
    },
  };
}

/** An id of one digit, repeated. */
export function idOf(digit: string): LayerId {
  return layerId(digit.repeat(64));
}

export function stepOf(id: LayerId, heading: string, base?: LayerId): StepInfo {
  return { id, base, op: base === undefined ? "from" : "run", heading, build: [] };
}
