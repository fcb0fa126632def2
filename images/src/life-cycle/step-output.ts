import { TextDecoder } from "node:util";
import { TailText } from "@ob/core";
import { maxOutput } from "./case.ts";

/** The end of what a step has printed. */
export class StepOutput {
  readonly #text = new TailText(maxOutput);
  readonly #decoder = new TextDecoder();
  #bytes = 0;
  #at = 0;

  add(bytes: Uint8Array): void {
    this.#text.add(this.#decoder.decode(bytes, { stream: true }));
    this.#bytes += bytes.length;
    this.#at = Date.now();
  }

  /** What there is so far: `bytes` of all, `at` as in `CaseOutput`. */
  get part(): { readonly text: string; readonly bytes: number; readonly at: number } {
    return { text: this.#text.text, bytes: this.#bytes, at: this.#at };
  }
}
