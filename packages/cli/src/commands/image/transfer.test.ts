import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, sha256File } from "@ob/core";
import { FakeRegistry } from "@ob/registry/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fakeServices, obuilder } from "../../testing/run.ts";

let directory: string;
let registry: FakeRegistry;
const at = (...parts: readonly string[]) => join(directory, ...parts);

/** A store with an image that was built there: it has the store's login key, a kernel and an initrd. */
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "transfer-"));
  registry = await FakeRegistry.start();
  for (const part of ["here/base-image", "here/state/ssh", "there"])
    await mkdir(at(part), { recursive: true, mode: 0o700 });
  const disk = at("here/base-image/mine.qcow2");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "16M"]);
  await run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64k", disk]);
  await writeFile(at("here/base-image/mine.kernel"), "a kernel");
  await writeFile(at("here/base-image/mine.initrd"), "an initrd");
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at("here/state/ssh/id_ed25519")]);
  const manifest = {
    ...{ version: 2, name: "mine", guestOs: "linux", guestArch: "amd64", loginUser: "opam" },
    ...{ sshKey: "../state/ssh/id_ed25519", sha256: await sha256File(disk), snapshotPoints: ["ready"] },
    directBoot: { kernel: "mine.kernel", initrd: "mine.initrd", commandLine: "quiet" },
  };
  await writeFile(at("here/base-image/mine.json"), JSON.stringify(manifest));
});

afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const image = async (store: string, ...argv: readonly string[]) =>
  await obuilder(["image", argv[0] ?? "", `--store=qemu:${at(store)}`, ...argv.slice(1)], {
    services: fakeServices(),
  });
const ref = (tag = "") => `${registry.host}/images${tag}`;

it("an image that is pushed and pulled is complete: disk, manifest, kernel, initrd and login key", async () => {
  const pushed = await image("here", "push", "mine", ref(), "--login-key");
  expect(pushed).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringContaining(`Pushed mine to ${ref(":mine")}\n`),
  });
  expect((await image("here", "push", "mine", ref(), "--login-key")).stdout).toContain("is up to date");
  const pulled = await image("there", "pull", ref(":mine"));
  expect(pulled).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(/^Pulled mine \(.*\): \(from mine\)$/m),
  });
  const files = at("there/base-image");
  const manifest = JSON.parse(await readFile(join(files, "mine.json"), "utf8"));
  expect(manifest).toMatchObject({
    name: "mine",
    sshKey: expect.stringMatching(/^mine\.[0-9a-f]{12}\.key$/),
    snapshotPoints: ["ready"],
    loginUser: "opam",
  });
  expect(await sha256File(join(files, "mine.qcow2"))).toBe(manifest.sha256);
  expect(await readFile(join(files, manifest.directBoot.kernel), "utf8")).toBe("a kernel");
  expect(await readFile(join(files, manifest.directBoot.initrd), "utf8")).toBe("an initrd");
  expect(await readFile(join(files, manifest.sshKey))).toEqual(
    await readFile(at("here/state/ssh/id_ed25519")),
  );
  expect((await stat(join(files, manifest.sshKey))).mode & 0o777).toBe(0o600);
  expect(await readdir(files)).toHaveLength(5);
  expect((await image("there", "list")).stdout).toMatch(/^mine +linux\/amd64 .* custom$/m);
  const since = registry.requests.length;
  expect((await image("there", "pull", ref(), "mine")).stdout).toContain("mine is up to date");
  expect(registry.requests.length - since).toBeLessThan(4);
  // Under another name, and from there to a third place: the image has a key of its own now.
  expect((await image("there", "pull", ref(":mine"), "other")).stdout).toContain("(from other)");
  expect((await image("there", "push", "other", ref(":2"))).code).toBe(0);
});

it("the store's login key is pushed only where that is asked for", async () => {
  const { code, stderr } = await image("here", "push", "mine", ref());
  expect([code, stderr]).toEqual([2, expect.stringContaining("give --login-key")]);
  expect(registry.requests).toEqual([]);
});

it("another image of the tag is replaced only with --force", async () => {
  await image("here", "push", "mine", ref(), "--login-key");
  await run(["qemu-io", "-f", "qcow2", "-c", "write -P 8 0 64k", at("here/base-image/mine.qcow2")]);
  const manifest = JSON.parse(await readFile(at("here/base-image/mine.json"), "utf8"));
  await writeFile(at("here/base-image/mine.json"), JSON.stringify({ ...manifest, sha256: undefined }));
  const refused = await image("here", "push", "mine", ref(), "--login-key");
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("--force replaces it")]);
  expect((await image("here", "push", "mine", ref(), "--login-key", "--force")).code).toBe(0);
});

it("a tag has images for several architectures, of which pull takes that of --arch, or of this host", async () => {
  const manifest = JSON.parse(await readFile(at("here/base-image/mine.json"), "utf8"));
  for (const guestArch of ["amd64", "riscv64"]) {
    await writeFile(at("here/base-image/mine.json"), JSON.stringify({ ...manifest, guestArch }));
    expect((await image("here", "push", "mine", ref(), "--login-key")).stdout).toContain("Pushed mine to");
  }
  const archOf = async (name: string) =>
    JSON.parse(await readFile(at("there/base-image", `${name}.json`), "utf8")).guestArch;
  for (const arch of ["amd64", "riscv64"]) {
    const { code, stderr } = await image("there", "pull", ref(":mine"), arch, "--arch", arch);
    expect([code, stderr, await archOf(arch)]).toEqual([0, "", arch]);
  }
  const { code, stderr } = await image("there", "pull", ref(":mine"));
  if (process.arch === "x64") expect([code, await archOf("mine")]).toEqual([0, "amd64"]);
  else if (process.arch === "riscv64") expect([code, await archOf("mine")]).toEqual([0, "riscv64"]);
  else expect([code, stderr]).toEqual([4, expect.stringContaining("--arch ARCH")]);
  // An only image is pulled wherever, unless that is asked for.
  await writeFile(at("here/base-image/mine.json"), JSON.stringify({ ...manifest, guestArch: "riscv64" }));
  await image("here", "push", "mine", ref(":one"), "--login-key");
  expect((await image("there", "pull", ref(":one"), "one")).code).toBe(0);
  const refused = await image("there", "pull", ref(":one"), "--arch", "amd64");
  expect(refused.stderr).toContain('is for linux/riscv64; "amd64" is wanted');
  expect(refused.stderr).toContain("--arch ARCH");
  expect(await image("there", "pull", ref(":one"), "--arch", "vax")).toMatchObject({ code: 2 });
});

it("an image replaces none of another name, whatever name it gives itself", async () => {
  await image("here", "push", "mine", ref(), "--login-key");
  await image("there", "pull", ref(":mine"));
  const before = await readFile(at("there/base-image/mine.json"), "utf8");
  // Another image that says that it is that one, under another tag.
  await run(["qemu-io", "-f", "qcow2", "-c", "write -P 8 0 64k", at("here/base-image/mine.qcow2")]);
  const manifest = JSON.parse(await readFile(at("here/base-image/mine.json"), "utf8"));
  await writeFile(at("here/base-image/mine.json"), JSON.stringify({ ...manifest, sha256: undefined }));
  await image("here", "push", "mine", ref(":tools"), "--login-key");
  expect(await image("there", "pull", ref(":tools"))).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('named "mine", and the store has another one'),
  });
  expect(await readFile(at("there/base-image/mine.json"), "utf8")).toBe(before);
  expect((await image("there", "pull", ref(":tools"), "tools")).code).toBe(0);
  expect((await image("there", "pull", ref(":tools"), "mine")).code).toBe(0);
});

it("what is missing, damaged or hostile is refused, and leaves nothing", async () => {
  const files = at("there/base-image");
  expect(await image("there", "pull", ref(":none"))).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("has no image"),
  });
  expect(await image("there", "pull", ref())).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Which image"),
  });
  await run([
    "qemu-img",
    "rebase",
    "-u",
    "-f",
    "qcow2",
    "-F",
    "raw",
    "-b",
    "/etc/hostname",
    at("here/base-image/mine.qcow2"),
  ]);
  const manifest = JSON.parse(await readFile(at("here/base-image/mine.json"), "utf8"));
  await writeFile(at("here/base-image/mine.json"), JSON.stringify({ ...manifest, sha256: undefined }));
  expect((await image("here", "push", "mine", ref(":hostile"), "--login-key")).code).toBe(0);
  const refused = await image("there", "pull", ref(":hostile"));
  expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining("/etc/hostname")]);
  const [kernel] = [...registry.blobs].find(([, bytes]) => bytes.toString() === "a kernel") ?? [""];
  registry.blobs.set(kernel, Buffer.from("A kernel"));
  expect((await image("there", "pull", ref(":hostile"))).code).toBe(4);
  registry.blobs.delete(kernel);
  expect(await image("there", "pull", ref(":hostile"))).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("not all of it"),
  });
  expect(await readdir(files).catch(() => [])).toEqual([]);
});
