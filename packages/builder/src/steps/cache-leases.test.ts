import { ObError } from "@ob/core";
import { MemoryCache } from "@ob/core/testing";
import { describe, expect, test } from "vitest";
import { bench, request } from "../builds.test.helper.ts";

describe("caches", () => {
  const twoCaches = `((from base) (run (cache (z (target /z)) (a (target a) (buildkit_options ((sharing locked))))) (shell x)))`;

  test("are mounted in the spec's order, acquired by name, and released when the step ends", async () => {
    await using setting = bench();
    await setting.builder.build(request(twoCaches));
    const task = setting.sandbox.steps[0]?.task;
    expect(task?.kind === "run" && task.caches.map(({ name, target }) => [name, target])).toEqual([
      ["z", "/z"],
      ["a", "/a"],
    ]);
    expect(setting.caches.history).toEqual(["acquire a", "acquire z", "release a", "release z"]);
    expect(setting.caches.openLeases).toBe(0);
  });

  test("have the guest's file system", async () => {
    await using setting = bench({ guest: { cacheFileSystem: "ffs" } });
    await setting.builder.build(request(twoCaches));
    expect([setting.caches.versionOf("a", "ffs"), setting.caches.versionOf("a", "ext4")]).toEqual([1, 0]);
  });

  test("are released after a command that failed", async () => {
    await using setting = bench({ run: () => 1 });
    await expect(setting.builder.build(request(twoCaches))).rejects.toMatchObject({ code: "STEP_FAILED" });
    expect(setting.caches.versionOf("a")).toBe(1);
    expect(setting.caches.openLeases).toBe(0);
  });

  test("are discarded when the guest was lost", async () => {
    await using setting = bench({
      run: () => {
        throw new ObError("GUEST_LOST", "gone");
      },
    });
    await expect(setting.builder.build(request(twoCaches))).rejects.toMatchObject({ code: "GUEST_LOST" });
    expect(setting.caches.history).toEqual(["acquire a", "acquire z", "drop z", "drop a"]);
    expect(setting.caches.openLeases).toBe(0);
  });

  test("that cannot be published do not fail the step", async () => {
    const caches = new MemoryCache({
      before: (operation) => {
        if (operation === "release") throw new ObError("CACHE", "no room");
      },
    });
    await using setting = bench({ caches });
    await setting.builder.build(request(twoCaches));
    expect(setting.events.filter((event) => event.type === "log" && event.level === "warning")).toHaveLength(
      2,
    );
    expect(caches.openLeases).toBe(0);
  });

  test.each([
    ["(c (target /c) (buildkit_options ((sharing none))))", '"none"'],
    ["(c (target /c) (buildkit_options ((sharing locked)))) (c (target /d))", "twice"],
  ])("%s is an error before anything runs", async (cache, message) => {
    await using setting = bench();
    const building = setting.builder.build(request(`((from base) (run (cache ${cache}) (shell x)))`));
    await expect(building).rejects.toMatchObject({
      code: "BAD_SPEC",
      message: expect.stringContaining(message),
    });
    expect(setting.caches.history).toEqual([]);
  });
});
