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

/** A module file, as far as we read it: `.modinfo` consists of NUL-separated strings. */
async function addModule(path: string, depends: string): Promise<void> {
  await mkdir(join(directory, path, ".."), { recursive: true });
  await writeFile(join(directory, path), `\x7fELF\0license=GPL\0depends=${depends}\0retpoline=Y\0`);
}

test("a module's dependencies are loaded before it, once", async () => {
  await addModule("kernel/fs/ext4/ext4.ko", "jbd2,mbcache");
  await addModule("kernel/fs/jbd2/jbd2.ko", "crc16");
  await addModule("kernel/fs/mbcache.ko", "crc16");
  await addModule("kernel/lib/crc16.ko", "");
  const order = await loadOrder(await findKernelModules(directory), ["ext4", "jbd2"]);
  expect(order.map(({ name }) => name)).toEqual(["crc16", "jbd2", "mbcache", "ext4"]);
});

test("a dash in a file name is an underscore in the module name", async () => {
  await addModule("kernel/drivers/char/hw_random/virtio-rng.ko", "");
  const [found] = await loadOrder(await findKernelModules(directory), ["virtio-rng"]);
  expect(found).toEqual({
    name: "virtio_rng",
    file: join(directory, "kernel/drivers/char/hw_random/virtio-rng.ko"),
  });
});

test("a module that the kernel does not have is named in the error", async () => {
  await expect(loadOrder(await findKernelModules(directory), ["e1000"])).rejects.toThrow(/no module e1000/);
});

test("a module without `depends=` has no dependencies", () => {
  expect(moduleDependencies(Buffer.from("\x7fELF\0license=GPL\0"))).toEqual([]);
});

test("built-in modules are not loaded", async () => {
  await addModule("kernel/drivers/net/virtio_net.ko", "virtio_pci");
  await writeFile(join(directory, "modules.builtin"), "kernel/drivers/virtio/virtio_pci.ko\n");
  const order = await loadOrder(await findKernelModules(directory), ["virtio_net", "virtio-pci"]);
  expect(order.map(({ name }) => name)).toEqual(["virtio_net"]);
});
