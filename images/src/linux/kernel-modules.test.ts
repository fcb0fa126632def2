import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findKernelModules, loadOrder, moduleDependencies } from "./kernel-modules.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "modules-"));
});
afterEach(() => rm(directory, { recursive: true }));

/** A module file as far as we read it: `.modinfo` is strings with zeros between. */
async function addModule(path: string, depends: string): Promise<void> {
  await mkdir(join(directory, path, ".."), { recursive: true });
  await writeFile(join(directory, path), `\x7fELF\0license=GPL\0depends=${depends}\0retpoline=Y\0`);
}

test("what a module needs is loaded before it, once", async () => {
  await addModule("kernel/fs/ext4/ext4.ko", "jbd2,mbcache");
  await addModule("kernel/fs/jbd2/jbd2.ko", "crc16");
  await addModule("kernel/fs/mbcache.ko", "crc16");
  await addModule("kernel/lib/crc16.ko", "");
  const order = await loadOrder(await findKernelModules(directory), ["ext4", "jbd2"]);
  expect(order.map(({ name }) => name)).toEqual(["crc16", "jbd2", "mbcache", "ext4"]);
});

test("a dash in a file's name is an underscore in the module's", async () => {
  await addModule("kernel/drivers/char/hw_random/virtio-rng.ko", "");
  const [found] = await loadOrder(await findKernelModules(directory), ["virtio-rng"]);
  expect(found).toEqual({
    name: "virtio_rng",
    file: join(directory, "kernel/drivers/char/hw_random/virtio-rng.ko"),
  });
});

test("a module that the kernel does not have is named", async () => {
  await expect(loadOrder(await findKernelModules(directory), ["e1000"])).rejects.toThrow(/no module e1000/);
});

test("a module without a word about what it needs needs nothing", () => {
  expect(moduleDependencies(Buffer.from("\x7fELF\0license=GPL\0"))).toEqual([]);
});

test("what is part of the kernel is not loaded", async () => {
  await addModule("kernel/drivers/net/virtio_net.ko", "virtio_pci");
  await writeFile(join(directory, "modules.builtin"), "kernel/drivers/virtio/virtio_pci.ko\n");
  const order = await loadOrder(await findKernelModules(directory), ["virtio_net", "virtio-pci"]);
  expect(order.map(({ name }) => name)).toEqual(["virtio_net"]);
});
