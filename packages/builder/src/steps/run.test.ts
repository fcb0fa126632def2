import type { RunTask } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { describe, expect, test } from "vitest";
import { bench, request } from "../builds.test.helper.ts";

/** The task of the only `run` step. */
async function taskOf(text: string, secrets: Readonly<Record<string, string>> = {}): Promise<RunTask> {
  await using setting = bench();
  await setting.builder.build(request(text, secrets));
  const [step, ...others] = setting.sandbox.steps;
  expect(others).toEqual([]);
  if (step?.task.kind !== "run") throw new TypeError("no run step");
  return step.task;
}

describe("a run", () => {
  test("gets the context, the newest variable first, after the base image's", async () => {
    const store = new MemoryStore({
      images: {
        base: {
          environment: [
            ["A", "0"],
            ["PATH", "/bin"],
          ],
        },
      },
    });
    await using setting = bench({ store });
    await setting.builder.build(
      request(
        "((from base) (env B 1) (env A 2) (env B 3) (shell sh -c) (user (uid 1) (gid 2)) (workdir a) (workdir b) (run (network host) (shell x)))",
      ),
    );
    expect(setting.sandbox.steps[0]?.task).toEqual({
      kind: "run",
      command: "x",
      shell: ["sh", "-c"],
      workdir: "/a/b",
      user: { uid: 1, gid: 2 },
      environment: [
        ["B", "3"],
        ["A", "2"],
        ["PATH", "/bin"],
      ],
      network: "host",
      caches: [],
      secrets: [],
    });
  });

  test("without a user runs as the image's login user, without a network has none", async () => {
    expect(await taskOf("((from base) (run (shell x)))")).toMatchObject({
      user: undefined,
      network: "none",
      shell: [],
      workdir: "/",
    });
  });

  test("as root is root only where the spec says so", async () => {
    expect(await taskOf("((from base) (user (uid 0) (gid 0)) (run (shell x)))")).toMatchObject({
      user: { uid: 0, gid: 0 },
    });
  });

  test("may restart its guest only where the spec says so", async () => {
    expect(await taskOf("((from base) (run (restart allowed) (shell x)))")).toMatchObject({
      mayRestart: true,
    });
    expect((await taskOf("((from base) (run (shell x)))")).mayRestart).toBeUndefined();
  });

  test("gets its secrets, below the workdir where the target is relative", async () => {
    const text = "((from base) (workdir /w) (run (secrets (a (target /run/a)) (b (target b))) (shell x)))";
    const { secrets } = await taskOf(text, { a: "A", b: "B" });
    expect(secrets).toEqual([
      { target: "/run/a", contents: Buffer.from("A") },
      { target: "/w/b", contents: Buffer.from("B") },
    ]);
  });

  test("on an unknown network is an error, and nothing runs", async () => {
    await using setting = bench();
    const building = setting.builder.build(request("((from base) (run (network lan) (shell x)))"));
    await expect(building).rejects.toMatchObject({
      code: "BAD_SPEC",
      message: expect.stringContaining('"lan"'),
    });
    expect(setting.sandbox.steps).toEqual([]);
    expect(setting.store.timesBegun.size).toBe(0);
  });
});
