import { EventEmitter } from "node:events";
import { expect, it, vi } from "vitest";
import { type Interrupt, listenForInterrupts } from "./signals.ts";

it("cancels at the first signal, and reports which it was", () => {
  const source = new EventEmitter();
  const onSecond = vi.fn<(interrupt: Interrupt) => void>();
  using interrupts = listenForInterrupts(source, onSecond);
  expect(interrupts.signal.aborted).toBe(false);
  expect(interrupts.cause()).toBeUndefined();
  source.emit("SIGTERM");
  expect(interrupts.signal.reason).toMatchObject({ code: "CANCELLED" });
  expect(interrupts.cause()).toBe("SIGTERM");
  expect(onSecond).not.toHaveBeenCalled();
});

it("exits at the second signal, but not for a broken pipe", () => {
  const source = new EventEmitter();
  const onSecond = vi.fn<(interrupt: Interrupt) => void>();
  using interrupts = listenForInterrupts(source, onSecond);
  source.emit("SIGINT");
  interrupts.interrupt("SIGPIPE");
  expect(onSecond).not.toHaveBeenCalled();
  source.emit("SIGINT");
  expect(onSecond).toHaveBeenCalledExactlyOnceWith("SIGINT");
  expect(interrupts.cause()).toBe("SIGINT");
});

it("stops listening when it is disposed of", () => {
  const source = new EventEmitter();
  listenForInterrupts(source, () => {})[Symbol.dispose]();
  expect(source.eventNames()).toEqual([]);
});
