import { expect, test } from "vitest";
import { disposableWith } from "./disposable.ts";

test("the value owns what the stack held, and disposes of it once", async () => {
  const closed: string[] = [];
  async function make(): Promise<{ readonly name: string } & AsyncDisposable> {
    await using stack = new AsyncDisposableStack();
    stack.defer(() => void closed.push("first"));
    stack.defer(() => void closed.push("second"));
    return disposableWith({ name: "made" }, stack);
  }
  const made = await make();
  expect([made.name, closed]).toEqual(["made", []]);
  await made[Symbol.asyncDispose]();
  await made[Symbol.asyncDispose]();
  expect(closed).toEqual(["second", "first"]);
});

test("what was held is let go where the value cannot be made", async () => {
  const closed: string[] = [];
  const failing = async (): Promise<AsyncDisposable> => {
    await using stack = new AsyncDisposableStack();
    stack.defer(() => void closed.push("held"));
    await Promise.reject(new Error("cannot be made"));
    return disposableWith({}, stack);
  };
  await expect(failing()).rejects.toThrow("cannot be made");
  expect(closed).toEqual(["held"]);
});
