import { readFile } from "node:fs/promises";
import path from "node:path";
import { ObError } from "@ob/core";
import type { FakeSandboxOptions } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { createInterrupts, fakeServices, obuilder } from "../testing/run.ts";

const store = "--store=qemu:/nowhere";
const spec = '((build tools ((from debian-12) (run (shell one)))) (from debian-12) (run (shell "two <b>")))';

/** A store in which builds have run. */
function setting(script: FakeSandboxOptions = {}) {
  const services = fakeServices(script);
  const run = async (...words: readonly string[]) =>
    await obuilder([words[0] ?? "", store, ...words.slice(1)], { services });
  const build = async (text = spec, ...words: readonly string[]) =>
    await obuilder(["build", store, ...words, "-f", "-", "."], { services, stdin: text });
  const listed = async () => JSON.parse((await run("builds", "ls", "--json")).stdout).builds;
  return { services, run, build, listed };
}

describe("builds", () => {
  it("are recorded with their steps, and listed newest first", async () => {
    const { run, build, listed } = setting();
    await build();
    await build();
    const [second, first] = await listed();
    expect(first).toMatchObject({ spec: "-", context: path.resolve("."), outcome: "succeeded", code: null });
    expect(first.layer).toBe(first.steps.at(-1).id);
    const fields = [
      "id",
      "op",
      "heading",
      "build",
      "outcome",
      "start",
      "milliseconds",
      "vmStart",
      "vmReason",
      "phases",
      "bytes",
    ];
    for (const step of first.steps) expect(Object.keys(step)).toEqual(fields);
    const shown = (record: { steps: readonly { build: string[]; op: string; outcome: string }[] }) =>
      record.steps.map(({ build: [name = "main"], op, outcome }) => `${name} ${op} ${outcome}`);
    expect(shown(first)).toEqual([
      ...["tools from saved", "tools run saved", "main from cached", "main run saved"],
    ]);
    expect(new Set(shown(second).map((text) => text.split(" ").at(-1)))).toEqual(new Set(["cached"]));
    expect(first.steps[1].phases).toMatchObject([{ phase: "run" }]);

    const lines = (await run("builds", "ls")).stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^BUILD +ENDED +TIME +OUTCOME +STEPS +SPEC$/);
    expect(lines[1]).toMatch(new RegExp(`^${second.id} +\\ds ago +0\\.\\ds  succeeded  4 cached +- `));
    expect(lines[2]).toContain("3 built, 1 cached");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await run("builds", "list")).stdout).toContain(first.id);
  });

  it("that fail are recorded with the step that failed, and nothing that its guest has said", async () => {
    const said = "told by the guest";
    const { build, listed } = setting({
      run: ({ output }) => {
        output(said);
        throw new ObError("GUEST_LOST", `The guest is gone: ${said}`);
      },
    });
    expect((await build()).code).toBe(4);
    const found = await listed();
    expect(found).toMatchObject([{ outcome: "failed", code: "GUEST_LOST", layer: null }]);
    expect(found[0].steps.at(-1)).toMatchObject({ outcome: "failed", bytes: null });
    expect(JSON.stringify(found)).not.toContain(said);
  });

  it("that are cancelled are recorded as such", async () => {
    const interrupts = createInterrupts();
    const services = fakeServices({
      run: async ({ signal }) => {
        interrupts.interrupt("SIGINT");
        await new Promise((_, reject) => {
          if (signal.aborted) reject(signal.reason);
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      },
    });
    const words = ["build", store, "-f", "-", "."];
    expect((await obuilder(words, { services, interrupts, stdin: spec })).code).toBe(130);
    expect(services.store.builds.list()).toMatchObject([{ outcome: "cancelled", errorCode: "CANCELLED" }]);
  });

  it("that never reached the store are not recorded", async () => {
    const { build, listed } = setting();
    await build("((from debian-12) (nonsense))");
    expect(await listed()).toEqual([]);
  });

  it("are removed by their ids, all at once, or none", async () => {
    const { run, build, listed } = setting();
    for (let count = 0; count < 3; count++) await build();
    const [third, second, first] = (await listed()).map((each: { id: string }) => each.id);
    expect(await run("builds", "rm", third, "nonsense")).toMatchObject({ code: 2 });
    expect((await run("builds", "rm")).stderr).toContain("No build is given");
    expect((await run("builds", "ls", third)).stderr).toContain("Unexpected argument");
    expect((await run("builds", "rm", third.slice(0, 10), first)).stdout).toBe("Removed 2 builds\n");
    expect((await listed()).map((each: { id: string }) => each.id)).toEqual([second]);
    expect((await run("builds", "rm", "--all", second)).code).toBe(2);
    expect((await run("builds", "rm", "--all")).stdout).toBe("Removed 1 build\n");
    expect((await run("builds", "ls")).stdout).toBe("");
  });

  it("are removed with what else was not used for a time, by a prune of everything", async () => {
    const { run, build, listed } = setting();
    await build();
    expect((await run("prune", "--older-than=1h")).stdout).toBe("Removed 0 layers\n");
    expect((await run("prune", "--older-than=0s", "--keep=9")).stdout).toBe("Removed 0 layers\n");
    expect(await listed()).toHaveLength(1);
    const words = ["prune", "--older-than=0s"];
    expect((await run(...words, "--dry-run")).stdout).toMatch(/Would remove \d layers?, 1 build\n$/);
    expect(await listed()).toHaveLength(1);
    expect(JSON.parse((await run(...words, "--json")).stdout)).toMatchObject({ dryRun: false, builds: 1 });
    expect(await listed()).toEqual([]);
  });
});

describe("report", () => {
  it("is a page about the last build, or the one that is named", async () => {
    const { run, build, listed } = setting();
    expect((await run("report")).stderr).toContain("The store has no record of a build.");
    await build();
    await build();
    const [second, first] = await listed();
    expect((await run("report")).stdout).toContain(`<title>Build ${second.id}: succeeded</title>`);
    const { stdout } = await run("report", first.id.slice(0, 11));
    expect(stdout).toContain(`<title>Build ${first.id}: succeeded</title>`);
    expect(stdout).toContain("(run (shell &quot;two &lt;b&gt;&quot;))");
    expect((await run("report", "x")).code).toBe(2);
  });

  it("is written by a build, also by one that fails", async () => {
    await using work = await temporaryDirectory();
    const file = path.join(work.path, "build.html");
    const { run, build } = setting({ run: () => 3 });
    expect((await build(spec, "--report", file)).code).not.toBe(0);
    const page = await readFile(file, "utf8");
    expect(page).toMatch(/<h1>Build \w{12}: <span class="failed">failed<\/span><\/h1>/);
    expect(page).toContain("<dt>Error</dt><dd>STEP_FAILED</dd>");
    const again = path.join(work.path, "again.html");
    await run("report", "-o", again);
    expect((await run("report", "-o", "-")).stdout).toBe(page);
    expect(await readFile(again, "utf8")).toBe(page);
  });

  it("that cannot be written is known before anything is built", async () => {
    const { services, build, run } = setting();
    const { code, stderr } = await build(spec, "--report", "/nonsense/build.html");
    expect([code, stderr]).toEqual([2, expect.stringContaining("The file /nonsense/build.html of --report")]);
    expect([...services.store.list()]).toEqual([]);
    expect((await run("report", "-o", "/nonsense/x")).code).toBe(2);
  });
});
