import { expect, test } from "vitest";
import * as cluster from "./index.ts";

const entries: Readonly<Record<string, unknown>> = cluster;

/** As from JavaScript, which knows no types. */
async function call(name: keyof typeof cluster, ...args: readonly unknown[]): Promise<unknown> {
  const entry = entries[name];
  if (typeof entry !== "function") throw new TypeError(`${name} is not a function.`);
  return await Reflect.apply(entry, undefined, args);
}

test("an address that is none is refused, with the form that one has", async () => {
  await expect(cluster.connectRedis({ url: "ftp://x" }, "client")).rejects.toMatchObject({
    code: "USAGE",
    hint: expect.stringContaining("rediss://"),
  });
});

test("a server that does not answer is named, without the password", async () => {
  const url = "redis://user:hunter2@127.0.0.1:1";
  const error: unknown = await cluster.connectRedis({ url }, "client").catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "STORE", message: expect.stringContaining("redis://127.0.0.1:1") });
  expect(String(error)).not.toContain("hunter2");
});

test("what is missing or of a wrong kind is named", async () => {
  await expect(call("startWorker", {})).rejects.toThrow(
    "startWorker: redis must be an object, not undefined.",
  );
  await expect(call("submitBuild", {}, { redis: {} })).rejects.toThrow(
    "store must be an object, not undefined.",
  );
  await expect(call("attachBuild", "b", { redis: {} })).rejects.toThrow(
    "emit must be a function, not undefined.",
  );
});

test("a name that cannot be one is refused", async () => {
  const ports = { redis: { url: "redis://x" }, store: {}, sandbox: {}, caches: {}, transport: {} };
  await expect(call("startWorker", { ...ports, name: "a b", pools: [] })).rejects.toMatchObject({
    code: "USAGE",
  });
});
