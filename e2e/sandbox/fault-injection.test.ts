import { spawn } from "node:child_process";
import { once } from "node:events";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Phase, run } from "@ob/core";
import { createSandbox } from "@ob/sandbox-qemu";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { archiveOf, machinesOf, openRaw, runTask, type Harness, openHarness } from "./harness.ts";

let bench: Harness;
beforeEach(async () => {
  bench = await openHarness();
});
afterEach(async () => {
  const machines = await machinesOf(bench.stateDirectory);
  const directories = await readdir(path.join(bench.stateDirectory, "run")).catch(() => []);
  await bench[Symbol.asyncDispose]();
  if (machines.length + directories.length > 0) {
    throw new Error(`left behind: machines ${machines.join()}, run directories ${directories.join()}`);
  }
});

describe("a guest that rejects the login", () => {
  it("because of a wrong key is LOGIN_FAILED, unlike a slow guest", async () => {
    const key = path.join(bench.directory, "key");
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
    });
    await writeFile(key, privateKey, { mode: 0o600 });
    const { manifest } = bench.image;
    const image = {
      manifest: manifest && { ...manifest, sshKey: path.relative(bench.image.manifestDirectory, key) },
      manifestDirectory: bench.image.manifestDirectory,
    };
    const step = bench.runStep(await bench.createDisk(), runTask("true"), { image });
    await expect(step).rejects.toMatchObject({
      code: "LOGIN_FAILED",
      message: expect.stringContaining(key),
      data: { option: "sshKey" },
    });
  });

  it("because its disk is empty fails after the boot time, with the end of its console", async () => {
    await using impatient = await openHarness({ bootTimeSeconds: 3 });
    const empty = path.join(impatient.directory, "empty.qcow2");
    await run(["qemu-img", "create", "-q", "-f", "qcow2", empty, "1G"]);
    const { manifest, manifestDirectory } = impatient.image;
    const image = { manifest: manifest && { ...manifest, directBoot: undefined }, manifestDirectory };
    await expect(impatient.runStep(empty, runTask("true"), { image })).rejects.toMatchObject({
      code: "BOOT_FAILED",
      message: expect.stringMatching(/did not answer on its SSH port within 3 s.*console/s),
      data: { option: "bootTimeSeconds" },
    });
  });

  it("because its kernel finds no root file system fails at once", async () => {
    const { manifest, manifestDirectory } = bench.image;
    const boot = manifest?.directBoot;
    if (!boot) throw new Error("the default image has no kernel to start");
    const directBoot = { kernel: boot.kernel, commandLine: "console=ttyS0 root=/dev/nowhere" };
    const image = { manifest: { ...manifest, directBoot }, manifestDirectory };
    await expect(bench.runStep(await bench.createDisk(), runTask("true"), { image })).rejects.toMatchObject({
      code: "BOOT_FAILED",
      message: expect.stringMatching(/Kernel panic - not syncing.*console ends with:/s),
    });
  });

  it("because its disk is not qcow2 fails with QEMU's message", async () => {
    const disk = path.join(bench.directory, "broken.qcow2");
    await writeFile(disk, "this was a disk once");
    await expect(bench.runStep(disk, runTask("true"))).rejects.toMatchObject({
      code: "BOOT_FAILED",
      message: expect.stringMatching(/broken\.qcow2": Image is not in qcow2 format$/),
    });
  });
});

describe("a guest that ends during a step", () => {
  it("by a panic", async () => {
    const crash =
      "echo 1 | sudo tee /proc/sys/kernel/sysrq; echo c | sudo tee /proc/sysrq-trigger; sleep 600";
    await expect(bench.runStep(await bench.createDisk(), runTask(crash))).rejects.toMatchObject({
      code: "GUEST_LOST",
      message: expect.stringMatching(/panic/),
    });
  });

  it("only by its connection, and is not waited for", async () => {
    const kill = `for each in /proc/[0-9]*; do case $(tr '\\0' ' ' <$each/cmdline) in "sshd: "*@*) kill -9 \${each#/proc/} ;; esac; done`;
    await expect(
      bench.runStep(
        await bench.createDisk(),
        runTask(`sudo sh -c '${kill.replaceAll("'", String.raw`'\''`)}'; sleep 600`),
      ),
    ).rejects.toMatchObject({
      code: "GUEST_LOST",
      message: expect.stringContaining("The guest runs on: it answers new connections."),
    });
  });

  it("by shutting down", async () => {
    const off = "echo o | sudo tee /proc/sysrq-trigger; sleep 600";
    await expect(bench.runStep(await bench.createDisk(), runTask(off))).rejects.toMatchObject({
      code: "GUEST_LOST",
      message: expect.stringMatching(/the guest shut down/),
    });
  });

  it.skipIf(process.getuid?.() !== 0)("by a full disk of the host's (a small tmpfs needs root)", async () => {
    const small = path.join(bench.directory, "small");
    await mkdir(small);
    await run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", small]);
    try {
      const disk = path.join(small, "disk.qcow2");
      const base = await bench.createDisk();
      await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", disk]);
      const fill = runTask("dd if=/dev/urandom of=big bs=1M count=200; sync");
      await expect(bench.runStep(disk, fill)).rejects.toMatchObject({ code: "NO_SPACE" });
    } finally {
      await run(["umount", small]);
    }
  });
});

describe("cancelling", () => {
  it.each<Phase>(["boot", "login", "flush", "stop"])("in the phase %s ends the VM", async (phase) => {
    const controller = new AbortController();
    const step = bench.runStep(await bench.createDisk(), runTask("true"), {
      signal: controller.signal,
      emit: (event) => {
        if (event.type === "phase" && event.phase === phase) controller.abort();
      },
    });
    await expect(step).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("while an archive is sent closes the archive", async () => {
    const controller = new AbortController();
    const archive = archiveOf("/usr/lib");
    archive.once("data", () => controller.abort());
    archive.pause();
    const closed = new Promise<void>((resolve) => archive.once("close", resolve));
    const step = bench.runStep(
      await bench.createDisk(),
      { kind: "copy", user: undefined, openArchive: () => archive },
      { signal: controller.signal },
    );
    await expect(step).rejects.toMatchObject({ code: "CANCELLED" });
    await closed;
  });
});

const machine = { memoryMib: 64, cpus: 1, bootTimeSeconds: 1, accelerator: "tcg" as const };

describe("a process that is killed", () => {
  it("while a VM is paused for the next step leaves the disk of the previous step complete and closed", async () => {
    const disk = await bench.createDisk();
    const script = path.join(import.meta.dirname, "one-session.ts");
    const child = spawn(process.execPath, ["--conditions=@ob/source", script, bench.stateDirectory, disk], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    await expect(machinesOf(bench.stateDirectory)).resolves.toHaveLength(1);
    // It is not locked: a step based on it could be started, and the disk itself could be written.
    await run(["qemu-img", "check", "-q", "-r", "all", disk]);
    child.kill("SIGKILL");
    await once(child, "close");
    await vi.waitFor(async () => expect(await machinesOf(bench.stateDirectory)).toEqual([]), 5_000);
    await using raw = await openRaw(disk);
    await raw.check();
    await expect(raw.debugfs("cat /home/opam/kept")).resolves.toBe("kept");
    await (await createSandbox({ ...machine, stateDirectory: bench.stateDirectory }))[Symbol.asyncDispose]();
  });

  it("takes its QEMU with it, and the next one removes its files", async () => {
    const disk = await bench.createDisk();
    const script = path.join(import.meta.dirname, "one-step.ts");
    const child = spawn(process.execPath, ["--conditions=@ob/source", script, bench.stateDirectory, disk], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    // It is told of when it is about to be started.
    await vi.waitFor(async () => expect(await machinesOf(bench.stateDirectory)).toHaveLength(1), 20_000);
    child.kill("SIGKILL");
    await once(child, "close");
    await vi.waitFor(async () => expect(await machinesOf(bench.stateDirectory)).toEqual([]), 5_000);

    const runs = path.join(bench.stateDirectory, "run");
    await expect(readdir(runs)).resolves.toHaveLength(1);
    await using next = await createSandbox({ ...machine, stateDirectory: bench.stateDirectory });
    expect(next.guest(bench.image).os).toBe("linux");
    await expect(readdir(runs)).resolves.toEqual([]);
  });
});
