import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { build, builtId } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";

let store: TestStore;
beforeEach(async () => {
  store = await temporaryStore();
});
afterEach(() => store[Symbol.asyncDispose]());

const inStore = (...parts: readonly string[]) => path.join(store.directory, ...parts);
const layers = () => readdir(inStore("result"));

/** Names of disks that an unfinished step would leave. */
async function leftovers(): Promise<readonly string[]> {
  const entries = await readdir(inStore("result-tmp"), { recursive: true }).catch(() => []);
  return entries.filter((entry) => entry.endsWith(".qcow2"));
}

describe("a step that fails", () => {
  it("ends the build with the command's own output, and keeps the previous layers and only its log", async () => {
    const result = await build(
      store,
      `((from ${imageName}) (run (shell "echo one")) (run (shell "echo two; echo trouble >&2; exit 7")))`,
    );
    expect(result.exitCode, result.all).toBe(1);
    expect(result.all).toContain("two\ntrouble\n");
    expect(result.all).toMatch(/exit(ed with)? status 7|status 7/);
    expect(await layers()).toHaveLength(2);
    expect(await leftovers()).toEqual([]);
  });

  it("reports that the guest was lost when it powers itself off during the step", async () => {
    const result = await build(
      store,
      `((from ${imageName}) (run (shell "echo before; sudo sh -c 'echo o > /proc/sysrq-trigger'; sleep 60")))`,
    );
    expect(result.exitCode, result.all).toBe(4);
    expect(result.all).toContain("before\n");
    expect(result.all).toMatch(/guest|virtual machine/i);
    expect(await layers()).toHaveLength(1);
    expect(await leftovers()).toEqual([]);
  });

  it("reports that the guest was lost when its kernel panics", async () => {
    const result = await build(
      store,
      `((from ${imageName}) (run (shell "sudo sh -c 'echo c > /proc/sysrq-trigger'; sleep 60")))`,
    );
    expect(result.exitCode, result.all).toBe(4);
    expect(result.all).toMatch(/panic/i);
    expect(await leftovers()).toEqual([]);
  });
});

describe("a guest that never answers", () => {
  it("fails after --qemu-boot-time with the end of its console, and leaves nothing behind", async () => {
    const image = inStore("base-image/blank.qcow2");
    await run(["qemu-img", "create", "-q", "-f", "qcow2", image, "64M"]);
    const result = await build(store, `((from blank) (run (shell true)))`, {
      flags: ["--qemu-boot-time", "8", "--qemu-ssh-key", inStore("state/ssh/id_ed25519")],
    });
    expect(result.exitCode, result.all).toBe(4);
    expect(result.all).toMatch(/8 s/);
    expect(result.all).toContain("--qemu-boot-time");
    expect(await leftovers()).toEqual([]);
  });

  it("is not started if there is no key for it", async () => {
    await run(["qemu-img", "create", "-q", "-f", "qcow2", inStore("base-image/keyless.qcow2"), "64M"]);
    const result = await build(store, `((from keyless) (run (shell true)))`, {
      flags: ["-v"],
      env: { HOME: store.work, SSH_AUTH_SOCK: "" },
    });
    expect(result.exitCode, result.all).toBe(4);
    expect(result.all).toContain("no SSH key to log in to the guest");
    expect(result.all).not.toContain('"qemu-system-x86_64" "-nodefaults" "-no-user-config" "-no-reboot"');
    expect(await leftovers()).toEqual([]);
  });

  it("fails at once if all keys are wrong, and lists those that were tried", async () => {
    const key = path.join(store.directory, "state/ssh/id_ed25519");
    await rm(key);
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
    const result = await build(store, `((from ${imageName}) (run (shell true)))`, {
      // Neither the user's own keys nor an agent may be used.
      env: { HOME: store.work, SSH_AUTH_SOCK: "" },
    });
    expect(result.exitCode, result.all).toBe(4);
    expect(result.all).toContain(key);
    expect(result.all).toContain("--qemu-ssh-key");
    expect(await leftovers()).toEqual([]);
  });
});

describe("a base image", () => {
  const spec = `((from ${imageName}) (run (shell "cat /etc/which 2>/dev/null || echo old")))`;

  it("that is replaced leaves the old layers unchanged, and later builds start from the new one", async () => {
    const first = await build(store, spec);
    expect(first.exitCode, first.all).toBe(0);

    // A new image: the old one, with a layer flattened into it.
    const mark = await build(store, `((from ${imageName}) (run (shell "echo new | sudo tee /etc/which")))`);
    const image = inStore(`base-image/${imageName}.qcow2`);
    const made = path.join(store.work, "new.qcow2");
    await run([
      "qemu-img",
      "convert",
      "-O",
      "qcow2",
      inStore("result", builtId(mark.all), "rootfs/image.qcow2"),
      made,
    ]);
    await rename(made, image);

    const second = await build(store, spec);
    expect(second.exitCode, second.all).toBe(0);
    expect(second.all).toContain("\nnew\n");
    expect(builtId(second.all)).not.toBe(builtId(first.all));

    await run(["qemu-img", "check", "-q", inStore("result", builtId(first.all), "rootfs/image.qcow2")]);
    await expect(readFile(inStore("result", builtId(first.all), "log"), "utf8")).resolves.toBe("old\n");
  });

  it("that is overwritten in place does not affect the layers that were made from it", async () => {
    const first = await build(store, spec);
    const image = inStore(`base-image/${imageName}.qcow2`);
    await run(["cp", "--remove-destination", image, `${image}.own`]);
    await rename(`${image}.own`, image);
    const touched = await build(store, spec);
    expect(builtId(touched.all)).not.toBe("");
    await truncate(image, 70_000);
    await run(["qemu-img", "check", "-q", inStore("result", builtId(first.all), "rootfs/image.qcow2")]);
    const next = await build(store, spec);
    expect(next.exitCode, next.all).toBe(4);
    expect(next.all).toContain(imageName);
  });

  it("that is not a qcow2 file is rejected before QEMU starts, and nothing is kept", async () => {
    await writeFile(inStore("base-image/text.qcow2"), "this is not a disk\n");
    const result = await build(store, "((from text) (run (shell true)))");
    expect(result.exitCode, result.all).toBe(4);
    expect(result.all).toContain("qcow2");
    expect(existsSync(inStore("result")) ? await layers() : []).toEqual([]);
  });

  it("boots from its own disk if the manifest has no kernel", async () => {
    const manifest = inStore(`base-image/${imageName}.json`);
    const fields = JSON.parse(await readFile(manifest, "utf8")) as Record<string, unknown>;
    delete fields["directBoot"];
    await rm(manifest);
    await mkdir(path.dirname(manifest), { recursive: true });
    await writeFile(manifest, JSON.stringify(fields));
    const result = await build(store, `((from ${imageName}) (run (shell "echo up")))`);
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toContain("up\n");
  });
});
