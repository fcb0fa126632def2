import { ObError } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { expect, test } from "vitest";
import { bench, until } from "./builds.test.helper.ts";

test("a healthy image runs one command, and only its base layer stays", async () => {
  await using setting = bench();
  await setting.builder.healthcheck({ image: "base" });
  await setting.builder.healthcheck({ image: "base" });
  expect(setting.sandbox.commands).toEqual(["echo healthcheck", "echo healthcheck"]);
  expect([...setting.store.list()]).toHaveLength(1);
  expect(setting.store.openWriters).toBe(0);
});

test("a healthy image is healthy, whenever another process prunes the store", async () => {
  let places = Infinity;
  for (let chosen = 0; chosen < places; chosen++) {
    let passed = 0;
    const store: MemoryStore = new MemoryStore({
      images: ["base"],
      before: async () => {
        if (passed++ === chosen) await store.prune({ before: new Date(Date.now() + 60_000) });
      },
    });
    await using setting = bench({ store });
    await setting.builder.healthcheck({ image: "base" });
    places = passed;
  }
  expect(places).toBeGreaterThan(8);
});

test("a guest with other output is not healthy", async () => {
  await using setting = bench({ run: ({ output }) => output("Your password has expired.\n") });
  await expect(setting.builder.healthcheck({ image: "base" })).rejects.toMatchObject({
    code: "GUEST_LOST",
    message: expect.stringContaining("Your password has expired."),
  });
  expect([...setting.store.list()]).toHaveLength(1);
});

test("a failure of the image or the VM is thrown", async () => {
  await using setting = bench({
    run: () => {
      throw new ObError("BOOT_FAILED", "no answer");
    },
  });
  await expect(setting.builder.healthcheck({ image: "base" })).rejects.toMatchObject({ code: "BOOT_FAILED" });
  await expect(setting.builder.healthcheck({ image: "none" })).rejects.toMatchObject({ code: "BASE_IMAGE" });
  expect(setting.store.openWriters).toBe(0);
});

test("a guest that never ends fails at the deadline", async () => {
  await using setting = bench({ run: () => new Promise<void>(() => undefined) });
  await expect(setting.builder.healthcheck({ image: "base", deadlineMs: 20 })).rejects.toMatchObject({
    code: "TIMEOUT",
    message: expect.stringContaining("0.02 s"),
  });
  expect([setting.store.openWriters, setting.sandbox.running]).toEqual([0, 0]);
});

test("a healthcheck can be cancelled", async () => {
  await using setting = bench({ run: () => new Promise<void>(() => undefined) });
  const controller = new AbortController();
  const checking = setting.builder.healthcheck({ image: "base", signal: controller.signal });
  await until(() => setting.sandbox.running === 1);
  controller.abort();
  await expect(checking).rejects.toMatchObject({ code: "CANCELLED" });
  expect(setting.sandbox.running).toBe(0);
});
