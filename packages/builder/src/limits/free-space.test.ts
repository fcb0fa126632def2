import { once } from "node:events";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { watchFreeSpace } from "./free-space.ts";

test("less than the reserve at the start is an error that says how much is free", async () => {
  const free = () => Promise.resolve(100 * 2 ** 20);
  await expect(watchFreeSpace("/store", 2 ** 30, { free })).rejects.toMatchObject({
    code: "NO_SPACE",
    message: "100 MiB are free on the store's disk, less than the reserve of 1 GiB.",
  });
  await expect(watchFreeSpace(tmpdir(), Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({ code: "NO_SPACE" });
});

test("the signal fires when the space falls below the reserve", async () => {
  let bytes = 3000;
  const free = () => Promise.resolve((bytes -= 1000));
  await using watch = await watchFreeSpace("/store", 1500, { free, intervalMs: 1 });
  expect(watch.signal.aborted).toBe(false);
  await once(watch.signal, "abort");
  expect(watch.signal.reason).toMatchObject({ code: "NO_SPACE" });
});

test("nothing is watched without a reserve, or where the space is not known", async () => {
  for (const [directory, reserve] of [
    [tmpdir(), 0],
    [tmpdir(), 1],
    ["/nonexistent/directory", Number.MAX_SAFE_INTEGER],
  ] as const) {
    await using watch = await watchFreeSpace(directory, reserve);
    expect(watch.signal.aborted).toBe(false);
  }
});
