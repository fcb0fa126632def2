import { expect, it } from "vitest";
import { TaskGroup } from "./task-group.ts";

it("cancels its tasks and waits for their end when it is disposed of", async () => {
  const ended: string[] = [];
  const group = new TaskGroup();
  const work = async (): Promise<void> => {
    const signal = group.signal(undefined);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    await Promise.resolve();
    ended.push("task");
    throw signal.reason;
  };
  const running = work();
  group.track(running);
  await group[Symbol.asyncDispose]();
  expect(ended).toEqual(["task"]);
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
});

it("passes on the signal of the caller", () => {
  const caller = new AbortController();
  const signal = new TaskGroup().signal(caller.signal);
  expect(signal.aborted).toBe(false);
  caller.abort();
  expect(signal.aborted).toBe(true);
});
