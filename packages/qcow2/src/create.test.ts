import { mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, sha256 } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDisk, createOverlay } from "./create.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-create-"));
});
afterEach(async () => await rm(directory, { recursive: true }));

const at = (name: string): string => join(directory, name);
const create = async (...args: readonly string[]) =>
  await run(["qemu-img", "create", "-q", "-f", "qcow2", ...args], { cwd: directory });

/** Without the table of the names of features, which differs between versions of QEMU. */
async function bytesOf(name: string): Promise<{ readonly header: string; readonly rest: string }> {
  const bytes = await readFile(at(name));
  const nameAt = Number(bytes.readBigUInt64BE(8));
  const backing = bytes.subarray(nameAt, nameAt + bytes.readUInt32BE(16)).toString();
  bytes.writeBigUInt64BE(0n, 8);
  // 112 bytes of header, and the extension with the format of the backing file.
  return { header: `${bytes.toString("hex", 0, 120)} ${backing}`, rest: sha256(bytes.subarray(65_536)) };
}

async function infoOf(name: string): Promise<unknown> {
  const { stdout } = await run(["qemu-img", "info", "--output=json", at(name)]);
  const info: Readonly<Record<string, unknown>> = JSON.parse(stdout);
  // The file is another, and has holes.
  return { ...info, filename: undefined, "actual-size": undefined, children: undefined };
}

async function expectSame(ours: string, theirs: string): Promise<void> {
  expect(await bytesOf(ours)).toStrictEqual(await bytesOf(theirs));
  expect(await infoOf(ours)).toStrictEqual(await infoOf(theirs));
  await run(["qemu-img", "check", "-q", at(ours)]);
  expect((await stat(at(ours))).mode).toBe((await stat(at(theirs))).mode);
}

describe("an empty disk is the one that qemu-img creates", () => {
  it.each([0, 1, 512, 4097, 2 ** 20, 40 * 2 ** 30 + 512, 2 ** 42, 2 ** 42 + 512, 2 ** 51])(
    "with %i bytes",
    async (size) => {
      await create(at("theirs"), String(size));
      await createDisk(at("ours"), { size });
      await expectSame("ours", "theirs");
    },
  );

  it.each([
    ["a short name", "b", undefined],
    ["a name that is not ASCII", "é-日", undefined],
    ["another size", "base", 3 * 2 ** 30 + 1],
    ["a long name", `${"./".repeat(509)}base`, undefined],
  ])("on a disk with %s", async (_, backing, virtualSize) => {
    await create(backing, "40G");
    const size = virtualSize === undefined ? [] : [String(virtualSize)];
    await create("-F", "qcow2", "-b", backing, "theirs", ...size);
    await createOverlay(at("ours"), { backing, virtualSize });
    await expectSame("ours", "theirs");
    if (size.length === 0) await run(["qemu-img", "compare", "-q", at("ours"), at(backing)]);
  });

  it("on one that was made with other options", async () => {
    await create("-o", "extended_l2=on,lazy_refcounts=on,cluster_size=128k", "base", "1G");
    await create("-F", "qcow2", "-b", "base", "theirs");
    await createOverlay(at("ours"), { backing: "base" });
    await expectSame("ours", "theirs");
  });

  it("in place of a file, and through a link", async () => {
    await create("base", "1M");
    await writeFile(at("old"), "x".repeat(300_000));
    await symlink(at("old"), at("ours"));
    await create("-F", "qcow2", "-b", at("base"), "theirs");
    await createOverlay(at("ours"), { backing: at("base") });
    expect(await bytesOf("old")).toStrictEqual(await bytesOf("theirs"));
  });
});

describe("no disk is created", () => {
  it.each([-512, Number.NaN, 2 ** 51 + 512, 2 ** 63])("with %d bytes", async (size) => {
    await expect(createDisk(at("disk"), { size })).rejects.toMatchObject({ code: "STORE" });
    await expect(stat(at("disk"))).rejects.toThrow("ENOENT");
  });

  it("on a file with a name that is too long", async () => {
    await create("base", "1M");
    const backing = `${"./".repeat(510)}base`;
    await expect(createOverlay(at("disk"), { backing })).rejects.toMatchObject({ code: "STORE" });
    await expect(stat(at("disk"))).rejects.toThrow("ENOENT");
  });

  it("on a file that is missing, or no qcow2 file", async () => {
    await expect(createOverlay(at("disk"), { backing: "base" })).rejects.toThrow("ENOENT");
    await writeFile(at("base"), "text");
    await expect(createOverlay(at("disk"), { backing: "base" })).rejects.toMatchObject({ code: "STORE" });
  });

  it("for a caller that has cancelled", async () => {
    const signal = AbortSignal.abort();
    await expect(createDisk(at("disk"), { size: 512, signal })).rejects.toMatchObject({ code: "CANCELLED" });
  });
});
