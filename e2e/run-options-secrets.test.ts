import { randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { sha256 } from "@ob/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { diskHolds, filesHolding, newestCacheDisk } from "./support/disks.ts";
import { makeBarrier } from "./support/barrier.ts";
import { argumentsAndEnvironment, treeOf } from "./support/host-processes.ts";
import { build, builtId, startBuild } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";

let store: TestStore;
let flags: readonly string[];
/** Random, so that the machine cannot have it by chance. */
const secret = `secret-${randomBytes(24).toString("hex")}`;
const mounts = `(key (target /run/secrets/key)) (key (target /home/opam/made/for/it)) (key (target /etc/hostname))`;

beforeAll(async () => {
  store = await temporaryStore();
  const file = path.join(store.work, "key");
  await writeFile(file, `${secret}\n`);
  flags = ["-v", "-v", "--secret", `key:${file}`];
});
afterAll(() => store[Symbol.asyncDispose]());

const disksInTheMaking = async () =>
  (await readdir(path.join(store.directory, "result-tmp"), { recursive: true })).filter((name) =>
    name.endsWith(".qcow2"),
  );

describe("a secret", () => {
  it("is readable by the step's user only, and leaves no trace in the layer, the output or the host's processes", async () => {
    await using gate = await makeBarrier();
    const started = await startBuild(
      store,
      `((from ${imageName})
        (run (secrets ${mounts}) (network host)
             (shell "sha256sum < /run/secrets/key; cd /home/opam/made/for && sha256sum < it; sha256sum < /etc/hostname; stat -c '%a %U' it; sudo -u nobody cat it || echo refused; echo control-${sha256(secret)} > /home/opam/control; ${gate.command}"))
        (run (shell "ls /run/secrets /home/opam/made 2>&1; stat -c '%s %n' /etc/hostname; grep ' /run/obuilder\\\\| /etc/hostname' /proc/mounts; true")))`,
      { flags },
    );
    await gate.arrived();
    const { pid } = started.process;
    if (pid === undefined) throw new Error("The build has no process.");
    const processes = await treeOf(pid);
    expect(processes.length).toBeGreaterThan(1);
    for (const each of processes) expect(await argumentsAndEnvironment(each)).not.toContain(secret);
    gate.open();

    const result = await started.process;
    expect(result.exitCode, result.all).toBe(0);
    const digest = `${sha256(`${secret}\n`)}  -\n`;
    expect(result.all).toContain(`${digest}${digest}${digest}400 opam\n`);
    expect(result.all).toContain("refused\n");
    expect(result.all).not.toContain(secret);
    // In the second step the secret's directory is gone, and the file that existed before is unchanged.
    expect(result.all).toMatch(/cannot access '?\/run\/secrets/);
    expect(result.all).toMatch(/cannot access '?\/home\/opam\/made'?:/);
    expect(result.all).toMatch(/\n\d+ \/etc\/hostname\n(?!.* \/etc\/hostname ramfs)/);

    const layer = path.join(store.directory, "result", builtId(result.all), "rootfs/image.qcow2");
    await expect(diskHolds(layer, `control-${sha256(secret)}`)).resolves.toBe(true);
    await expect(diskHolds(layer, secret)).resolves.toBe(false);
    await expect(filesHolding(store.directory, secret)).resolves.toEqual([]);
  });

  it("is in no file of a failed step, including its caches", async () => {
    const result = await build(
      store,
      `((from ${imageName})
        (run (cache (c (target /c))) (secrets ${mounts} (key (target /c/key)))
             (shell "sha256sum < /c/key; echo control > /c/control; cat /c/key > /dev/null; exit 7")))`,
      { flags },
    );
    expect(result.exitCode, result.all).toBe(1);
    expect(result.all).toContain(sha256(`${secret}\n`));
    expect(result.all).not.toContain(secret);
    await expect(disksInTheMaking()).resolves.toEqual([]);
    const cache = await newestCacheDisk(store, "c");
    await expect(diskHolds(cache, "control")).resolves.toBe(true);
    await expect(diskHolds(cache, secret)).resolves.toBe(false);
    await expect(filesHolding(store.directory, secret)).resolves.toEqual([]);
  });

  it("is in no file of a cancelled step", async () => {
    await using gate = await makeBarrier();
    const started = await startBuild(
      store,
      `((from ${imageName}) (run (secrets ${mounts}) (network host) (shell "cat /run/secrets/key | wc -c; ${gate.command}; echo woke")))`,
      { flags },
    );
    await gate.arrived();
    started.process.kill("SIGINT");
    const result = await started.process;
    expect(result.exitCode, result.all).toBe(130);
    expect(result.all).toContain(`${secret.length + 1}\n`);
    expect(result.all).not.toContain(secret);
    await expect(disksInTheMaking()).resolves.toEqual([]);
    await expect(filesHolding(store.directory, secret)).resolves.toEqual([]);
    await expect(readFile(path.join(store.work, "key"), "utf8")).resolves.toBe(`${secret}\n`);
  });
});
