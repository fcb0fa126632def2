import { mkdir, readdir, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "@ob/core";
import { describe, expect, it } from "vitest";
import { formatExt4 } from "./file-system/ext4.ts";
import { detectFileSystem } from "./file-system/detect.ts";
import { hasPattern, request, temporaryCaches, writePattern } from "./temporary-caches.test.helper.ts";

const env = { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
const size = 256 << 20;

/** Runs debugfs or e2fsck on the first partition of a qcow2 disk. */
async function inspect(disk: string, ...command: readonly [string, ...string[]]): Promise<string> {
  const raw = `${disk}.raw`;
  await run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, raw]);
  return (await run([...command, `${raw}?offset=1048576`], { env })).stdout;
}

/** Creates a disk as OpenBSD's `disklabel` leaves a new one: its label in the second sector, and no partition table. */
async function createLabelledDisk(path: string): Promise<void> {
  const raw = `${path}.raw`;
  const label = Buffer.alloc(1024);
  label.writeUInt32LE(0x82564557, 512);
  label.writeUInt32LE(0x82564557, 512 + 132);
  await writeFile(raw, label);
  await truncate(raw, 64 << 20);
  await run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path]);
}

/** The original's disk of the cache `x`. */
async function originalAt(directory: string): Promise<string> {
  await mkdir(join(directory, "cache/c-x/rootfs"), { recursive: true });
  return join(directory, "cache/c-x/rootfs/image.qcow2");
}

describe("a new cache disk for Linux", () => {
  it("has one consistent, empty ext4 partition that every user can write to", async () => {
    await using fixture = await temporaryCaches({ size });
    await using lease = await fixture.caches.acquire(request("x"));
    expect(lease.formatted).toBe(true);
    expect(await detectFileSystem(lease.disk, {})).toBe("ext4");
    await inspect(lease.disk, "e2fsck", "-f", "-n");
    const root = await inspect(lease.disk, "debugfs", "-R", "stat /");
    expect(root).toMatch(/Mode:\s+0777/);
    expect(root).toMatch(/User:\s+0\s+Group:\s+0/);
    expect(await inspect(lease.disk, "debugfs", "-R", "ls -p /")).not.toContain("lost+found");
  });

  it("takes little space on the host, however large it is", async () => {
    await using fixture = await temporaryCaches();
    await using lease = await fixture.caches.acquire(request("x"));
    expect(await lease.release()).toBe(true);
    const [cache] = await fixture.caches.list();
    expect(cache?.bytes).toBeLessThan(16 << 20);
  });

  it("is created in a store whose path has special characters", async () => {
    await using fixture = await temporaryCaches();
    const path = join(fixture.directory, "a ? b.qcow2");
    await formatExt4(path, { size });
    expect(await detectFileSystem(path, {})).toBe("ext4");
  });

  it("is created once by several concurrent steps", async () => {
    await using fixture = await temporaryCaches({ size });
    const leases = await Promise.all(Array.from({ length: 4 }, () => fixture.caches.acquire(request("x"))));
    expect(await readdir(join(fixture.directory, "cache/c-x/ext4"))).toEqual(["1.qcow2"]);
    for (const lease of leases) await lease[Symbol.asyncDispose]();
  });
});

describe("a new cache disk for other guests", () => {
  it("is blank, and not kept until the guest has written to it", async () => {
    await using fixture = await temporaryCaches({ size });
    const windows = request("x", { fileSystem: "ntfs" });
    await using untouched = await fixture.caches.acquire(windows);
    await using used = await fixture.caches.acquire(windows);
    expect(untouched.formatted).toBe(false);
    expect(await untouched.release()).toBe(false);
    await run(["qemu-io", "-f", "qcow2", "-c", "write -P 0x55 0 64k", used.disk]);
    expect(await used.release()).toBe(true);
    await using next = await fixture.caches.acquire(windows);
    expect(next.formatted).toBe(true);
  });

  it.each(["ffs.qcow2", "cache-ffs.qcow2"])("starts from the template cache-template/%s", async (name) => {
    await using fixture = await temporaryCaches({
      prepare: async (directory) => {
        const template = join(directory, "cache-template", name);
        await mkdir(join(directory, "cache-template"));
        await createLabelledDisk(template);
        await writePattern(template, { fill: 5, megabyte: 30 });
      },
    });
    await using lease = await fixture.caches.acquire(request("x", { fileSystem: "ffs" }));
    expect(lease.formatted).toBe(true);
    expect(await hasPattern(lease.disk, { fill: 5, megabyte: 30 })).toBe(true);
  });

  it("does not start from a template without its file system, and warns about it", async () => {
    const said: string[] = [];
    await using fixture = await temporaryCaches({
      emit: (event) => void (event.type === "log" && said.push(event.text)),
      prepare: async (directory) => {
        await mkdir(join(directory, "cache-template"));
        await createLabelledDisk(join(directory, "cache-template/ntfs.qcow2"));
      },
    });
    await using lease = await fixture.caches.acquire(request("x", { fileSystem: "ntfs" }));
    expect(lease.formatted).toBe(false);
    expect(said).toEqual([expect.stringMatching(/ntfs\.qcow2 .* does not have ntfs$/)]);
  });
});

describe("a cache disk of the original", () => {
  it("with the right file system becomes the first version without a copy", async () => {
    let inode = 0;
    await using fixture = await temporaryCaches({
      prepare: async (directory) => {
        const disk = await originalAt(directory);
        await formatExt4(disk, { size });
        await writePattern(disk, { fill: 9, megabyte: 200 });
        inode = (await stat(disk)).ino;
      },
    });
    const [listed] = await fixture.caches.list();
    expect(listed?.name).toBe("x");
    await using lease = await fixture.caches.acquire(request("x"));
    expect(await hasPattern(lease.disk, { fill: 9, megabyte: 200 })).toBe(true);
    expect((await stat(join(fixture.directory, "cache/c-x/ext4/1.qcow2"))).ino).toBe(inode);
  });

  it("with OpenBSD's label and no partition table is adopted as well", async () => {
    await using fixture = await temporaryCaches({
      prepare: async (directory) => {
        const disk = await originalAt(directory);
        await createLabelledDisk(disk);
        await writePattern(disk, { fill: 9, megabyte: 20 });
      },
    });
    await using lease = await fixture.caches.acquire(request("x", { fileSystem: "ffs" }));
    expect(lease.formatted).toBe(true);
    expect(await hasPattern(lease.disk, { fill: 9, megabyte: 20 })).toBe(true);
  });

  it("with a backing file is adopted with its backing chain", async () => {
    await using fixture = await temporaryCaches({
      prepare: async (directory) => {
        const disk = await originalAt(directory);
        const below = join(directory, "below.qcow2");
        await formatExt4(below, { size });
        await writePattern(below, { fill: 9, megabyte: 200 });
        await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", below, "-F", "qcow2", disk]);
      },
    });
    await using lease = await fixture.caches.acquire(request("x"));
    expect(await hasPattern(lease.disk, { fill: 9, megabyte: 200 })).toBe(true);
  });

  it("without a file system is left alone, and a new one is created", async () => {
    await using fixture = await temporaryCaches({
      size,
      prepare: async (directory) => {
        await run(["qemu-img", "create", "-q", "-f", "qcow2", await originalAt(directory), "40G"]);
      },
    });
    await using lease = await fixture.caches.acquire(request("x"));
    expect(await detectFileSystem(lease.disk, {})).toBe("ext4");
    expect(await readdir(join(fixture.directory, "cache/c-x/rootfs"))).toEqual(["image.qcow2"]);
  });

  it("that was left in cache-tmp is removed", async () => {
    await using fixture = await temporaryCaches({
      prepare: async (directory) => {
        await mkdir(join(directory, "cache-tmp/0-c-x/rootfs"), { recursive: true });
        await writeFile(join(directory, "cache-tmp/0-c-x/rootfs/image.qcow2"), "x");
      },
    });
    expect(await readdir(join(fixture.directory, "cache-tmp"))).toEqual([]);
  });
});
