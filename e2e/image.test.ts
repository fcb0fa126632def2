import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { expect, it } from "vitest";
import { obuilder } from "./support/obuilder.ts";
import { defaultStore, imageName, temporaryStore } from "./support/store.ts";

const machine = ["--qemu-memory=1", "--qemu-boot-time=120"];
const flags = ["--guest-os=linux", "--guest-arch=amd64"];

it("imports a copy of an image after one check, and removes it again", async () => {
  await using store = await temporaryStore();
  const place = path.join(store.work, "new-store");
  const flag = `--store=qemu:${place}`;
  const from = (file: string): string => path.join(defaultStore, "base-image", file);
  const { directBoot } = JSON.parse(await readFile(from(`${imageName}.json`), "utf8"));
  // The disk has a backing file, as that of an image made by hand can have.
  const [overlay, disk] = [path.join(store.work, "overlay.qcow2"), path.join(store.work, "disk.qcow2")];
  const on = ["-b", from(`${imageName}.qcow2`), "-F", "qcow2"];
  await run(["qemu-img", "create", "-q", "-f", "qcow2", ...on, overlay]);
  const key = path.join(defaultStore, "state/ssh/id_ed25519");
  const boot = ["--kernel", from(directBoot.kernel), "--initrd", from(directBoot.initrd)];
  const words = [...boot, "--append", directBoot.commandLine, "--ssh-key", key, ...flags, ...machine];

  const refused = await obuilder(["image", "import", overlay, "--name=copy", ...words, flag]);
  expect(refused.exitCode, refused.all).toBe(4);
  expect(refused.stderr).toMatch(
    /has a backing file ".*\.qcow2"[^]*qemu-img convert -O qcow2 OLD NEW\.qcow2/,
  );
  await run(["qemu-img", "convert", "-O", "qcow2", overlay, disk]);
  const imported = await obuilder(["image", "import", disk, "--name=copy", ...words, flag]);
  expect(imported.all, imported.all).toContain("(from copy)");
  expect(imported.exitCode).toBe(0);
  const checks = [...imported.stdout.matchAll(/^ {4}ok {2}([^:\n]*)/gm)].map(([, what]) => what);
  expect(checks).toEqual([
    "boots and accepts the login of opam",
    "sudo needs no password",
    "tar is GNU tar",
    "has bash",
    "sshd takes environment variables (AcceptEnv)",
    "has 1 GiB of free disk",
    "shuts down cleanly, by ACPI",
  ]);

  // Without the marker on the console, which only our own images are known to print.
  expect(imported.stdout).toMatch(
    /^ speed {2}a first step resumes a snapshot of a VM, taken when it is ready;/m,
  );
  expect(imported.stdout).toMatch(/^ speed {2}a further step runs in the VM of the one before$/m);

  const images = path.join(place, "base-image");
  const manifest = JSON.parse(await readFile(path.join(images, "copy.json"), "utf8"));
  expect(manifest).toMatchObject({ snapshotPoints: ["ready"] });
  expect(manifest).not.toHaveProperty("readyMarker");
  const header = (await run(["qemu-img", "info", "--output=json", path.join(images, "copy.qcow2")])).stdout;
  expect(JSON.parse(header)).not.toHaveProperty("backing-filename");
  expect(manifest.sshKey).toMatch(/^copy\.[0-9a-f]{12}\.key$/);
  expect((await stat(path.join(images, manifest.sshKey))).mode & 0o777).toBe(0o600);
  const listed = await obuilder(["image", "list", flag]);
  expect(listed.stdout).toMatch(/^copy +linux\/amd64 +\d+ MiB +\S+ ago +custom$/m);
  const removed = await obuilder(["image", "rm", "copy", flag]);
  expect(removed.stdout).toBe("Removed copy.");
  expect(await readdir(images)).toEqual([]);
});

it("prints the console of a guest that does not boot, and leaves nothing behind", async () => {
  await using store = await temporaryStore();
  const place = path.join(store.work, "new-store");
  await mkdir(place);
  const disk = path.join(store.work, "empty.qcow2");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"]);
  const { directBoot } = JSON.parse(
    await readFile(path.join(defaultStore, "base-image", `${imageName}.json`), "utf8"),
  );
  const from = (file: string): string => path.join(defaultStore, "base-image", file);
  // A kernel without a root file system panics at once.
  const words = ["--kernel", from(directBoot.kernel), "--append=console=ttyS0", ...flags, ...machine];
  const result = await obuilder(["image", "import", disk, "--name=none", ...words, `--store=qemu:${place}`]);
  expect(result.exitCode).toBe(4);
  expect(result.stderr).toContain("Kernel panic - not syncing: VFS: Unable to mount root fs");
  expect(await readdir(path.join(place, "base-image"))).toEqual([]);
});
