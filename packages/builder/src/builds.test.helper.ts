import type { ObEvent } from "@ob/core";
import { MemoryCache, MemoryStore, FakeSandbox, type FakeSandboxOptions } from "@ob/core/testing";
import { parseSpec, type Spec } from "@ob/spec";
import { type Builder, createBuilder } from "./builder.ts";

/** Everything that a build needs, in memory. */
export interface Bench extends AsyncDisposable {
  readonly builder: Builder;
  readonly store: MemoryStore;
  readonly sandbox: FakeSandbox;
  readonly caches: MemoryCache;
  readonly events: ObEvent[];
}

export interface BenchOptions extends FakeSandboxOptions {
  readonly store?: MemoryStore;
  readonly caches?: MemoryCache;
  readonly logLimit?: number;
}

/** A builder over doubles; the store has the images `base` and `other`. */
export function bench(options: BenchOptions = {}): Bench {
  const {
    store = new MemoryStore({ images: ["base", "other"] }),
    caches = new MemoryCache(),
    logLimit,
    ...play
  } = options;
  const sandbox = new FakeSandbox(play);
  const events: ObEvent[] = [];
  const emit = (event: ObEvent) => void events.push(event);
  // There is no disk to watch, and looking for it takes turns of the event loop that tests count.
  const builder = createBuilder({ store, sandbox, caches, logLimit, diskReserve: 0, emit });
  const dispose = async () => await builder[Symbol.asyncDispose]();
  return { builder, store, sandbox, caches, events, [Symbol.asyncDispose]: dispose };
}

export function spec(text: string): Spec {
  return parseSpec(text, { file: "test.spec" });
}

/** A request without source files. */
export function request(text: string, secrets: Readonly<Record<string, string>> = {}) {
  return {
    spec: spec(text),
    sourceDirectory: "/nonexistent/source",
    secrets: new Map(Object.entries(secrets).map(([id, value]) => [id, Buffer.from(value)])),
  };
}

/** What a plain terminal shows of the events, in the original's words; ids are left out. */
export function transcript(events: readonly ObEvent[]): string {
  return events.map(shown).join("");
}

function shown(event: ObEvent): string {
  switch (event.type) {
    case "step-started":
      return `${event.step.heading}\n`;
    case "step-output":
      return Buffer.from(event.bytes).toString();
    case "step-finished":
      return `---> ${event.outcome}\n`;
    case "note":
      return `${event.text}\n`;
    case "phase":
    case "exec":
    case "log":
    case "vm-started":
    case "vm-not-kept":
      return "";
  }
}

/** A door that is shut until it is opened. */
export function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
}

/** Waits until `condition` holds, turn by turn of the event loop. The test's own deadline ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
