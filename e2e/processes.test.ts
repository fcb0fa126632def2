import { readdir } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { qemusOf } from "./support/host-processes.ts";
import { build, builtId, printed, startBuild } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";
import { talkingShell } from "./support/talking-shell.ts";

let store: TestStore;
beforeEach(async () => {
  store = await temporaryStore();
});
afterEach(() => store[Symbol.asyncDispose]());

/** Process ids of every QEMU with a disk of this test's store. */
const qemus = async (): Promise<readonly number[]> => await qemusOf(store.directory);

const slow = `((from ${imageName}) (run (shell "echo started; sleep 100; echo woke")))`;

describe("a build that is stopped", () => {
  it.each([["SIGINT"], ["SIGTERM"]] as const)(
    "by %s ends QEMU, reports it and keeps no layer of the step",
    async (signal) => {
      const { process } = await startBuild(store, slow);
      await printed(process, "started\n");
      expect(await qemus()).not.toEqual([]);
      process.kill(signal);
      const result = await process;
      expect(result.exitCode, result.all).toBe(signal === "SIGINT" ? 130 : 143);
      expect(await qemus()).toEqual([]);
      expect(await readdir(path.join(store.directory, "result"))).toHaveLength(1);
    },
  );

  it("by SIGKILL takes QEMU with it, and the next build finds a consistent store", async () => {
    const { process } = await startBuild(store, slow);
    await printed(process, "started\n");
    const before = await qemus();
    expect(before).not.toEqual([]);
    process.kill("SIGKILL");
    await process;
    await expect.poll(qemus, { timeout: 10_000 }).toEqual([]);

    const next = await build(store, slow.replace("sleep 100", "true"));
    expect(next.exitCode, next.all).toBe(0);
    expect(next.all).toContain("woke\n");
    const scratch = await readdir(path.join(store.directory, "result-tmp"), { recursive: true });
    expect(scratch.filter((entry) => entry.endsWith(".qcow2"))).toEqual([]);
  });
});

describe("a step's command that ends", () => {
  const left = "pgrep -ax sleep; echo looked";

  it("ends its step although a process that it left holds the output, and has that process killed", async () => {
    const result = await build(
      store,
      `((build source
          ((from ${imageName}) (run (shell "${talkingShell}; echo file > /tmp/file; sudo mv /tmp/file /srv"))))
        (from ${imageName})
        (run (shell "sleep 3000 & ${talkingShell}; echo started"))
        (copy (from (build source)) (src /srv/file) (dst /srv/copied))
        (run (shell "cat /srv/copied; nohup sleep 3001 & seq 100001 102000"))
        (user (uid 0) (gid 0))
        (run (shell "${left}; (setsid sleep 3002 &); sudo -u opam sleep 3003 & (sleep 1; echo later) & echo now"))
        (run (shell "${left}; while sleep 0.3; do echo more; done & exit 3")))`,
      { flags: ["-v"] },
    );
    expect(result.exitCode, result.all).toBe(1);
    // What the login shell prints to its standard error is a stream of its own, and comes between other lines.
    const shown = result.all.replaceAll("be careful\n", "");
    expect(shown).toContain("started\n");
    expect(shown).toContain("\nfile\n");
    expect(shown).toContain(Array.from({ length: 2_000 }, (_, index) => 100_001 + index).join("\n"));
    expect(shown).toContain("now\nlater\n");
    // Processes that the login shell itself leaves are not killed.
    expect(result.all).not.toMatch(/^\d+ sleep 300/m);
    expect(shown).toContain("looked\nmore\n");
    expect(result.all).toContain("The command failed with exit status 3.");
    expect(result.all).not.toMatch(/warning|tar printed/i);
  });
});

describe("two processes that build the same step", () => {
  it("share one VM, and the second follows the log of the first", async () => {
    const spec = `((from ${imageName}) (run (shell "echo first; sleep 6; date +%s%N; echo last")))`;
    const first = await startBuild(store, spec);
    await printed(first.process, "first\n");
    const second = await build(store, spec);
    const result = await first.process;
    expect(result.exitCode, result.all).toBe(0);
    expect(second.exitCode, second.all).toBe(0);
    expect(builtId(second.all)).toBe(builtId(result.all));
    // The time that the step printed is in both outputs only if it ran once.
    const stamp = /first\n(\d+)\nlast/;
    expect(stamp.exec(second.all)?.[1]).toBeDefined();
    expect(stamp.exec(second.all)?.[1]).toBe(stamp.exec(result.all)?.[1]);
  });

  it("build different steps in parallel", async () => {
    const spec = (word: string) => `((from ${imageName}) (run (shell "echo ${word}")))`;
    const results = await Promise.all([build(store, spec("left")), build(store, spec("right"))]);
    expect(results.map((result) => result.exitCode)).toEqual([0, 0]);
    expect(results[0].all).toContain("left\n");
    expect(results[1].all).toContain("right\n");
  });
});
