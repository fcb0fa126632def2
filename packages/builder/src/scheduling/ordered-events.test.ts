import { layerId, type ObEvent, type StepInfo } from "@ob/core";
import { describe, expect, test } from "vitest";
import { gate, until } from "../builds.test.helper.ts";
import { EventQueue, type EventQueueOptions } from "./event-queue.ts";
import { OrderedEvents } from "./ordered-events.ts";

const step = (digit: string): StepInfo => ({
  id: layerId(digit.repeat(64)),
  base: undefined,
  op: "run",
  heading: digit,
  build: [],
});
const length = 65_536;

/** Two branches, of which the first has not ended. What the second prints is in a store that counts its readers. */
function branches(options: Partial<EventQueueOptions> = {}) {
  const events: ObEvent[] = [];
  const logs = new Map<string, Buffer[]>();
  let reads = 0;
  async function* readLog(id: string) {
    reads++;
    for (const piece of logs.get(id) ?? []) yield await Promise.resolve(piece.subarray());
  }
  const queue = new EventQueue({
    emit: (event) => void events.push(event),
    readLog,
    signal: undefined,
    ...options,
  });
  const all = new OrderedEvents(queue);
  const [first, second] = [all.branch(), all.branch()];
  const given = new Set<Uint8Array>();
  const print = (info: StepInfo, bytes: Buffer) => {
    logs.set(info.id, [...(logs.get(info.id) ?? []), bytes]);
    given.add(bytes);
    second.emit({ type: "step-output", step: info, bytes });
  };
  /** The output of the second branch, and how much of it was kept in memory. */
  const shown = () => {
    const outputs = events.flatMap((event) => (event.type === "step-output" ? [event.bytes] : []));
    const kept = outputs.filter((bytes) => given.has(bytes));
    return { text: Buffer.concat(outputs), kept: kept.length * length };
  };
  return { queue, all, first, second, print, shown, events, reads: () => reads };
}

describe("the output of a branch whose turn has not come", () => {
  test("is kept up to a limit; the rest is read from the store, in order and whole", async () => {
    const { queue, all, first, second, print, shown, events, reads } = branches();
    const printed: Buffer[] = [];
    for (const [digit, bytes] of [
      ["a", 50],
      ["b", 60],
    ] as const) {
      second.emit({ type: "step-started", step: step(digit) });
      const info = step(digit);
      for (let index = 0; index < bytes; index++) {
        printed.push(Buffer.alloc(length, `${digit}${index} `));
        print(info, printed.at(-1) ?? Buffer.alloc(0));
      }
      second.emit({ type: "step-finished", step: info, outcome: "saved", milliseconds: 1 });
    }
    expect(second.outputTaken()).toBeUndefined();
    expect(events).toEqual([]);
    all.end(second);
    all.end(first);
    await queue.empty();
    const { text, kept } = shown();
    expect(text.equals(Buffer.concat(printed))).toBe(true);
    expect(kept).toBeLessThanOrEqual(2 ** 21);
    expect(reads()).toBe(2);
    const kinds = events.flatMap(({ type }) => (type === "step-output" ? [] : [type]));
    expect(kinds).toEqual(["step-started", "step-finished", "step-started", "step-finished"]);
    expect(events.at(-1)?.type).toBe("step-finished");
  });

  test("is shown no faster than it is taken, and what comes then waits for it", async () => {
    const taken = gate();
    let asked = 0;
    const outputTaken = () => (asked++ === 0 ? taken.opened : undefined);
    const { queue, all, first, second, print, events } = branches({ outputTaken });
    const info = step("a");
    second.emit({ type: "step-started", step: info });
    for (let index = 0; index < 40; index++) print(info, Buffer.alloc(length, "x"));
    all.end(first);
    expect(events).toHaveLength(2);
    expect(second.outputTaken()).toBeInstanceOf(Promise);
    second.emit({ type: "step-finished", step: info, outcome: "saved", milliseconds: 1 });
    expect(events).toHaveLength(2);
    taken.open();
    await queue.empty();
    expect(events.at(-1)?.type).toBe("step-finished");
    expect(events.filter(({ type }) => type === "step-output").length).toBeGreaterThanOrEqual(40);
  });

  test("is dropped when the build is cancelled", async () => {
    const controller = new AbortController();
    const outputTaken = () => new Promise<void>(() => undefined);
    const { queue, all, first, print, events } = branches({ outputTaken, signal: controller.signal });
    for (let index = 0; index < 40; index++) print(step("a"), Buffer.alloc(length, "x"));
    all.end(first);
    await until(() => events.length === 1);
    controller.abort();
    await queue.empty();
    expect(events).toHaveLength(1);
  });
});
