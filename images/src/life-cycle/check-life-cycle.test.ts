import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeEngine, type FakeEngineOptions } from "../testing/fake-engine.ts";
import { scriptedTools } from "../testing/scripted-tools.ts";
import { checkLifeCycle, type LifeCycleTools } from "./check-life-cycle.ts";
import { survey } from "./scripts.generated.ts";
import { readFacts } from "./survey.ts";

let directory: string;
let store: string;
let disk: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "life-cycle-"));
  store = join(directory, "store");
  disk = join(directory, "mine.qcow2");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "8M"]);
});
afterEach(() => rm(directory, { recursive: true }));

function tools(engine: FakeEngine, more: Partial<LifeCycleTools> = {}): LifeCycleTools {
  return {
    store,
    openEngine: async () => engine,
    describeHost: async () => ({ obuilder: "0.1.0", qemu: "9.2.0", accelerator: "kvm" }),
    ...more,
  };
}

/** An engine whose guest boots. */
function bootingEngine(options: FakeEngineOptions = {}): FakeEngine {
  return new FakeEngine({ startSmokeTest: scriptedTools(store).startSmokeTest, ...options });
}

const left = (): Promise<readonly string[]> => readdir(join(store, "state", "image-checks"));

describe("a check of the life cycle", () => {
  it("reports every case of a guest that does nothing right, and leaves nothing", async () => {
    const engine = bootingEngine({ run: () => ({ prints: "nonsense\n" }) });
    const report = await checkLifeCycle({ image: disk, loginUser: "me" }, tools(engine));
    expect(report).toMatchObject({ passed: false, host: { qemu: "9.2.0" }, image: { name: "mine.qcow2" } });
    const failed = report.cases.filter(({ outcome }) => outcome === "failed").map(({ name }) => name);
    expect(failed).toEqual(
      expect.arrayContaining([
        "special characters reach a program through an explicit shell",
        "2 MB of output arrive complete",
        "a secret is readable in its step, and gone in the next",
        "the clock of the guest is right",
        "what a step writes last is on the disk of the next boot",
        "a command that exits with 3 fails its step with that status, its output and errors are in the log, and it leaves no layer",
      ]),
    );
    expect(JSON.stringify(report)).not.toContain(directory);
    expect(engine.closed).toBe(true);
    expect(await left()).toEqual([]);
  });

  it("names every case as not run if the image does not boot", async () => {
    const report = await checkLifeCycle({ image: disk }, tools(new FakeEngine()));
    expect(report.passed).toBe(false);
    const [boot, ...others] = report.cases;
    expect(boot).toMatchObject({
      outcome: "failed",
      reason: "The guest did not answer.",
      output: "console: nothing",
    });
    expect(others.length).toBeGreaterThan(25);
    expect(new Set(others.map(({ reason }) => reason))).toEqual(
      new Set(["Not run: the image did not boot."]),
    );
  });

  it("continues after a check of the image that fails", async () => {
    const { startSmokeTest } = scriptedTools(store, { failing: "command -v bash" });
    const report = await checkLifeCycle({ image: disk }, tools(new FakeEngine({ startSmokeTest })));
    const names = ["tar is GNU tar", "has bash", "shuts down cleanly, by ACPI"];
    const found = report.cases.filter(({ name }) => names.includes(name));
    expect(found.map(({ outcome }) => outcome)).toEqual(["passed", "failed", "passed"]);
    expect(found[1]).toMatchObject({ output: "the script says no" });
    expect(report.passed).toBe(false);
  });

  it("that is cancelled removes its store", async () => {
    const abort = new AbortController();
    let during: readonly string[] = [];
    const engine = bootingEngine({
      run: async () => {
        during = await left();
        abort.abort();
        return {};
      },
    });
    const checking = checkLifeCycle({ image: disk }, tools(engine, { signal: abort.signal }));
    await expect(checking).rejects.toMatchObject({ code: "CANCELLED" });
    expect(during).toHaveLength(1);
    expect(engine.closed).toBe(true);
    expect(await left()).toEqual([]);
  });

  it("has a store of its own with a private copy of the key, and changes nothing of the image", async () => {
    await mkdir(join(directory, "boot"));
    const files = { "mine.key": "a PRIVATE KEY", "boot/kernel": "a kernel" };
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    await chmod(disk, 0o644);
    const manifest = {
      version: 2,
      guestOs: "linux",
      guestArch: "amd64",
      loginUser: "me",
      sshKey: "mine.key",
    };
    const directBoot = { kernel: "boot/kernel", commandLine: "quiet" };
    await writeFile(join(directory, "mine.json"), JSON.stringify({ ...manifest, directBoot }));
    const seen: unknown[] = [];
    const openEngine = async (own: string) => {
      const read = async (...parts: readonly string[]): Promise<string> =>
        await readFile(join(own, ...parts), "utf8");
      const mode = (await stat(join(own, "state/ssh/image-key"))).mode & 0o777;
      const { sshKey, directBoot: boots, name } = JSON.parse(await read("base-image/image.json"));
      seen.push(
        await read("state/ssh/image-key"),
        mode,
        sshKey,
        name,
        await read("base-image", boots.kernel),
      );
      seen.push((await stat(join(own, "base-image/image.qcow2"))).size === (await stat(disk)).size);
      return new FakeEngine();
    };
    const report = await checkLifeCycle({ image: disk }, tools(new FakeEngine(), { openEngine }));
    expect(seen).toEqual(["a PRIVATE KEY", 0o600, "../state/ssh/image-key", "image", "a kernel", true]);
    expect((await stat(disk)).mode & 0o777).toBe(0o644);
    expect(JSON.stringify(report)).not.toMatch(/PRIVATE KEY|mine\.key/);
    expect(report.image).toMatchObject({
      hasManifest: true,
      manifest: { directBoot: { commandLine: "quiet" } },
    });
  });

  it("is refused for an image that does not exist, before anything is made", async () => {
    await expect(checkLifeCycle({ image: "none" }, tools(new FakeEngine()))).rejects.toMatchObject({
      code: "BASE_IMAGE",
    });
    expect(existsSync(store)).toBe(false);
  });
});

const shells = ["/bin/sh", "/bin/bash", "/bin/busybox"].filter((shell) => existsSync(shell));
it.each(shells)("the survey of a guest runs in %s", (shell) => {
  const words = shell.endsWith("busybox") ? ["sh", "-c", survey] : ["-c", survey];
  const facts = readFacts(execFileSync(shell, words, { encoding: "utf8" }));
  expect(facts.system).toMatch(/^Linux \S+ \S+$/);
  expect(facts.tools).toContain("bash");
});
