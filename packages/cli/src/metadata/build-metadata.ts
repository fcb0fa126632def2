import {
  type Emit,
  errorMessage,
  type LayerId,
  monotonicMs,
  type ObEvent,
  wallClock,
  withStoreErrors,
} from "@ob/core";
import type { OptionTable } from "../args/flags.ts";
import { type Arguments, stringOption } from "../args/options.ts";
import type { ProcessIo } from "../process-io.ts";
import type { Ending } from "../output/ending.ts";
import { jsonDocument } from "../output/printable.ts";
import { failureFacts, type JsonObject, locationOf, successFacts } from "../progress/result.ts";
import { checkWritable, writeWhole } from "./write-whole.ts";

export const metadataOptions: OptionTable = {
  "metadata-file": {
    kind: "value",
    value: "FILE",
    describe: "Write the result as JSON to FILE: id, digest, times and steps, or the error",
    group: "Output:",
  },
};

/** What a successful build has made. */
export interface BuiltLayer {
  readonly id: LayerId;
  /** The sha256 of the layer's disk, in lower-case hex; undefined if it cannot be told. */
  readonly digest: string | undefined;
  readonly tags: readonly string[];
}

/** The file of `--metadata-file`, if it is given. @throws ObError `USAGE` if it cannot be written. */
export async function openMetadata(args: Arguments, io: ProcessIo): Promise<BuildMetadata | undefined> {
  const path = stringOption(args, "metadata-file");
  if (path === undefined) return undefined;
  await checkWritable(path, `The file ${path} of --metadata-file`);
  return new BuildMetadata(path, io.restoreUmask);
}

/** Records one build, and writes its file when the build has ended. docs/cli.md lists the fields. */
export class BuildMetadata {
  readonly #path: string;
  /** See `ProcessIo.restoreUmask`. */
  readonly #restoreUmask: (() => void) | undefined;
  readonly #begun = monotonicMs();
  readonly #steps: { readonly begun: number | undefined; readonly fields: JsonObject }[] = [];
  readonly #open = new Map<string, { readonly begun: number; readonly fields: JsonObject }>();
  readonly #outcomes = { saved: 0, cached: 0 };

  constructor(path: string, restoreUmask?: () => void) {
    this.#path = path;
    this.#restoreUmask = restoreUmask;
  }

  /** Listens to what is emitted. */
  listen(next: Emit): Emit {
    return (event) => {
      this.#record(event);
      next(event);
    };
  }

  async succeeded({ id, digest, tags }: BuiltLayer): Promise<void> {
    const facts = { ...successFacts(id), digest: digest === undefined ? null : `sha256:${digest}`, tags };
    await this.#write(facts);
  }

  /** A file that cannot be written is a warning: the build's own error counts. */
  async failed(ending: Ending, emit: Emit): Promise<void> {
    await this.#write(failureFacts(ending)).catch((error: unknown) => {
      emit({ type: "log", level: "warning", text: errorMessage(error) });
    });
  }

  #record(event: ObEvent): void {
    if (event.type === "step-started") {
      const { id, op, base, heading, build, at } = event.step;
      const fields = { id, op, base: base ?? null, heading, build, location: locationOf(at) };
      this.#open.set(keyOf(event.step), { begun: monotonicMs(), fields });
    }
    if (event.type !== "step-finished") return;
    const { step, outcome, milliseconds } = event;
    const open = this.#open.get(keyOf(step));
    this.#open.delete(keyOf(step));
    if (outcome === "saved" || outcome === "cached") this.#outcomes[outcome]++;
    const fields = { ...open?.fields, outcome, milliseconds: Math.round(milliseconds) };
    this.#steps.push({ begun: open?.begun, fields });
  }

  async #write(facts: JsonObject): Promise<void> {
    const now = monotonicMs();
    const milliseconds = Math.round(now - this.#begun);
    const at = wallClock();
    const [started, finished] = [this.#begun, now].map((moment) => at(moment).toISOString());
    const steps = this.#steps.map(({ begun, fields: { milliseconds: took, ...fields } }) => ({
      ...fields,
      started: begun === undefined ? null : at(begun).toISOString(),
      milliseconds: took,
    }));
    const document = { ...facts, ...this.#outcomes, started, finished, milliseconds, steps };
    this.#restoreUmask?.();
    await withStoreErrors(`write ${this.#path}`, () => writeWhole(this.#path, jsonDocument(document)));
  }
}

/** A step that two nested builds share has one id, and can run in both at the same time. */
function keyOf({ id, build }: { readonly id: LayerId; readonly build: readonly string[] }): string {
  return JSON.stringify([id, build]);
}
