import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layerId, run, sha256 } from "@ob/core";
import { openStore } from "@ob/store-qcow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkStoredImage } from "./check/check-stored-image.ts";
import { importImage } from "./build/import-image.ts";
import type { Targets } from "./testing/hostile-disk.ts";
import { hostileDisks, qemuNames } from "./testing/hostile-disks.ts";
import { scriptedTools } from "./testing/scripted-tools.ts";

const marker = "nobody may read this. ";
let directory: string;
let store: string;
let targets: Targets;
let server: Server;
let visits: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "hostile-"));
  store = join(directory, "store");
  await mkdir(join(store, "base-image"), { recursive: true });
  await mkdir(join(directory, "private"));
  const secret = join(directory, "private/secret");
  await writeFile(secret, Buffer.alloc(1 << 16, marker), { mode: 0o600 });
  visits = 0;
  server = createServer((socket) => {
    visits++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  targets = { secret, port: typeof address === "object" && address ? address.port : 0 };
});
afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

const request = (file: string) =>
  ({ file, name: "mine", guestOs: "linux", guestArch: "amd64", loginUser: "me", check: false }) as const;

/** The first operation of `(from NAME)`. */
async function buildFrom(name: string): Promise<void> {
  await using opened = await openStore({ directory: store });
  await using claim = await opened.tryBegin(layerId(sha256(name)));
  await claim?.importBase(name);
  await claim?.commit();
}

/** Verifies that the store does not contain the secret, and that the port was not contacted. */
async function expectUntouched(): Promise<void> {
  expect(visits).toBe(0);
  const entries = await readdir(store, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile() && one.name !== "secret")) {
    const bytes = await readFile(join(entry.parentPath, entry.name));
    expect(bytes.includes(marker), entry.name).toBe(false);
  }
}

it.each(hostileDisks)("$what is refused by import, check and build", async ({ says, make }) => {
  const tools = scriptedTools(store);
  const file = join(directory, "disk");
  await make(file, targets);
  const error = await importImage(request(file), tools).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: expect.stringMatching(/^(?:BASE_IMAGE|USAGE)$/),
    message: expect.stringMatching(says),
    hint: expect.stringMatching(/./),
  });
  expect(error).not.toHaveProperty("message", expect.stringContaining("qemu-img"));
  await expect(checkStoredImage({ image: file }, tools)).rejects.toMatchObject({ code: "BASE_IMAGE" });
  expect(tools.booted).toEqual([]);
  await make(join(store, "base-image/disk.qcow2"), targets);
  await expect(buildFrom("disk")).rejects.toMatchObject({ code: "BASE_IMAGE" });
  await expectUntouched();
  expect(await readdir(join(store, "result"))).toEqual([]);
});

it("a name that QEMU would parse as a protocol is reported as a missing file", async () => {
  const tools = scriptedTools(store);
  for (const name of qemuNames(targets)) {
    await expect(importImage(request(name), tools)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("no such file"),
    });
    await expect(checkStoredImage({ image: name }, tools)).rejects.toMatchObject({ code: "BASE_IMAGE" });
    await expect(buildFrom(name)).rejects.toMatchObject({ code: "BASE_IMAGE" });
  }
  await expectUntouched();
});

it("a file whose name QEMU would parse as a protocol is read as a file", async () => {
  const names = ["over:lay.qcow2", "json:{}", "nbd:127.0.0.1:1", "http:x", "-x.qcow2", "a,b=c.qcow2"];
  const before = process.cwd();
  process.chdir(directory);
  try {
    for (const name of names) {
      await run(["qemu-img", "create", "-q", "-f", "qcow2", join(directory, name), "1M"]);
      await importImage({ ...request(name), check: true }, scriptedTools(store));
      const tools = scriptedTools(store);
      await checkStoredImage({ image: name }, tools);
      expect(tools.booted).toHaveLength(1);
    }
  } finally {
    process.chdir(before);
  }
});

it("a text with the name of a disk, and a missing file, are refused in our own words", async () => {
  const tools = scriptedTools(store);
  const file = join(directory, "x.qcow2");
  await writeFile(file, "hello");
  await expect(importImage(request(file), tools)).rejects.toMatchObject({
    code: "BASE_IMAGE",
    message: `${file} is not a disk: it is text.`,
  });
  await expect(importImage(request(`${file}.none`), tools)).rejects.toMatchObject({
    code: "USAGE",
    message: `${file}.none cannot be read as a disk: there is no such file.`,
  });
});

it("a disk to which the guest wrote another disk's header keeps its own format", async () => {
  const inner = join(directory, "inner");
  const file = join(directory, "disk.qcow2");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", targets.secret, "-F", "raw", inner]);
  await run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", inner, file]);
  const tools = scriptedTools(store);
  await importImage({ ...request(file), check: true }, tools);
  await checkStoredImage({ image: file }, tools);
  await buildFrom("mine");
  await expectUntouched();
});

describe("a manifest", () => {
  const manifest = { version: 2, guestOs: "linux", guestArch: "amd64", loginUser: "me" };
  const boot = (kernel: string, initrd?: string) => ({
    directBoot: { kernel, initrd, commandLine: "quiet" },
  });

  async function place(more: object, directoryOf = join(store, "base-image")): Promise<string> {
    const file = join(directoryOf, "disk.qcow2");
    await run(["qemu-img", "create", "-q", "-f", "qcow2", file, "1M"]);
    await writeFile(join(directoryOf, "kernel"), "a kernel");
    await writeFile(join(directoryOf, "disk.json"), JSON.stringify({ ...manifest, ...more }));
    return file;
  }

  it.each<[string, object]>([
    ["a kernel elsewhere", boot("../../private/secret")],
    ["a kernel by a path through a directory", boot("x/../../../private/secret")],
    ["an initrd elsewhere", boot("kernel", "../../private/secret")],
    ["an initrd with a comma", boot("kernel", "a,/etc/hostname")],
    ["a kernel behind a link", boot("link")],
    ["an initrd in a directory behind a link", boot("kernel", "links/secret")],
    ["a key elsewhere", { sshKey: "../../private/secret" }],
    ["a key behind a link", { sshKey: "link" }],
    ["a key of another store", { sshKey: "../../state/ssh/id_ed25519" }],
    ["a key by a path through the store's own keys", { sshKey: "../state/ssh/../../../private/secret" }],
    ["a machine with options", { machine: "pc,initrd=/etc/hostname" }],
  ])("that names %s is refused by check and build", async (_, more) => {
    const tools = scriptedTools(store);
    const images = [join(store, "base-image"), join(directory, "elsewhere/images")];
    for (const one of images) {
      await mkdir(one, { recursive: true });
      await symlink(targets.secret, join(one, "link"));
      await symlink(join(directory, "private"), join(one, "links"));
      const image = await place(more, one);
      await expect(checkStoredImage({ image }, tools)).rejects.toMatchObject({ code: "BASE_IMAGE" });
    }
    expect(tools.booted).toEqual([]);
    await expect(buildFrom("disk")).rejects.toMatchObject({ code: "BASE_IMAGE" });
    await expectUntouched();
  });

  it("that names files beside it, also by a link, and the store's own key is accepted", async () => {
    const tools = scriptedTools(store);
    const image = await place({
      ...boot("by-link"),
      sshKey: "../state/ssh/id_ed25519",
      machine: "pc-i440fx-7.2",
    });
    await symlink("kernel", join(store, "base-image/by-link"));
    await checkStoredImage({ image }, tools);
    await checkStoredImage({ image: "disk" }, tools);
    expect(tools.booted).toHaveLength(2);
    await buildFrom("disk");
    const layer = join(store, "result", sha256("disk"));
    expect(await readFile(join(layer, "kernel"), "utf8")).toBe("a kernel");
  });
});
