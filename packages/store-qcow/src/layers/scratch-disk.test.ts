import { access, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, sha256File } from "@ob/core";
import { readQcowHeader } from "@ob/qcow2";
import { expect, test } from "vitest";
import { startChild } from "../child.test.helper.ts";
import { openStore } from "../store.ts";
import {
  hasPattern,
  idOf,
  importBase,
  makeImage,
  makeLayer,
  temporaryStore,
  writePattern,
} from "../temporary-store.test.helper.ts";

async function storeWithLayer() {
  const fixture = await temporaryStore();
  await makeImage(fixture.image("base"), { fill: 1 });
  const base = await importBase(fixture.store, "base");
  const layer = await makeLayer(fixture.store, { id: idOf("x"), parent: base.id, fill: 2, offset: 65_536 });
  return Object.assign(fixture, { layer });
}

test("a scratch disk has the layer's contents, and writes to it do not change the layer", async () => {
  await using fixture = await storeWithLayer();
  const before = await sha256File(fixture.layer.disk);
  await using scratch = await fixture.store.createScratchDisk(fixture.layer.id);
  expect(await hasPattern(scratch.disk, { fill: 1 })).toBe(true);
  expect(await hasPattern(scratch.disk, { fill: 2, offset: 65_536 })).toBe(true);
  await writePattern(scratch.disk, { fill: 9 });
  expect(await sha256File(fixture.layer.disk)).toBe(before);
});

test("a scratch disk is removed when it is disposed of", async () => {
  await using fixture = await storeWithLayer();
  const scratch = await fixture.store.createScratchDisk(fixture.layer.id);
  await scratch[Symbol.asyncDispose]();
  await expect(access(scratch.disk)).rejects.toThrow("ENOENT");
  expect(await readdir(join(fixture.directory, "state", "locks"))).toEqual([]);
  expect(await readdir(join(fixture.directory, "result-tmp"))).toEqual([]);
});

test("a scratch disk of another process is kept while the process runs, and is swept after its end", async () => {
  await using fixture = await storeWithLayer();
  const { directory, layer } = fixture;
  await using child = startChild("scratch-disk", directory, layer.id);
  const disk = await child.readLine();
  await (await openStore({ directory }))[Symbol.asyncDispose]();
  await access(disk);
  await expect(fixture.store.delete(layer.id)).rejects.toMatchObject({ code: "LAYER_BUSY" });
  await child.kill();
  await (await openStore({ directory }))[Symbol.asyncDispose]();
  await expect(access(disk)).rejects.toThrow("ENOENT");
  expect(await fixture.store.delete(layer.id)).toEqual([layer.id]);
});

test.each([false, true])("an exported disk has no backing file (compressed: %s)", async (compress) => {
  await using fixture = await storeWithLayer();
  const path = join(fixture.directory, "out.qcow2");
  await fixture.store.export(fixture.layer.id, { path, compress });
  expect(await readQcowHeader(path)).toMatchObject({ backing: undefined, virtualSize: 64 * 2 ** 20 });
  expect(await hasPattern(path, { fill: 1 })).toBe(true);
  expect(await hasPattern(path, { fill: 2, offset: 65_536 })).toBe(true);
});

test("an export to a directory is an error that names it", async () => {
  await using fixture = await storeWithLayer();
  const exporting = fixture.store.export(fixture.layer.id, { path: fixture.directory, overwrite: true });
  await expect(exporting).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringContaining("directory"),
  });
});

test.each(["raw", "vmdk", "vhdx"] as const)("an export to %s has the layer's contents", async (format) => {
  await using fixture = await storeWithLayer();
  const path = join(fixture.directory, `out.${format}`);
  await fixture.store.export(fixture.layer.id, { path, format });
  const { stdout } = await run(["qemu-img", "info", "-f", format, "--output=json", path]);
  expect(JSON.parse(stdout)).toMatchObject({ format, "virtual-size": 64 * 2 ** 20 });
  const compared = ["qemu-img", "compare", "-f", format, "-F", "qcow2", path, fixture.layer.disk] as const;
  expect((await run(compared)).stdout).toContain("identical");
});

test.each([
  ["qcow2", "QFI\u00fb\0\0\0\u0003"],
  ["vmdk", '# Disk DescriptorFile\nversion=1\nRW 63 FLAT "/etc/shadow" 0\n'],
])("a disk that begins like a %s file is not exported as raw", async (what, head) => {
  await using fixture = await temporaryStore();
  const image = fixture.image("base");
  const raw = `${image}.raw`;
  await writeFile(raw, Buffer.concat([Buffer.from(head, "latin1"), Buffer.alloc(2 ** 20)]));
  await run(["truncate", "-s", "2M", raw]);
  await run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image]);
  const base = await importBase(fixture.store, "base");
  const path = join(fixture.directory, "out");
  const exporting = fixture.store.export(base.id, { path, format: "raw" });
  await expect(exporting).rejects.toMatchObject({
    code: "BAD_SOURCE",
    message: expect.stringContaining(`a ${what} file`),
  });
  await expect(access(path)).rejects.toThrow("ENOENT");
  await fixture.store.export(base.id, { path, format: "vmdk" });
});

test("an export replaces a file, and never a device", async () => {
  await using fixture = await storeWithLayer();
  const exporting = fixture.store.export(fixture.layer.id, { path: "/dev/null", overwrite: true });
  await expect(exporting).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringContaining("not a file"),
  });
});
