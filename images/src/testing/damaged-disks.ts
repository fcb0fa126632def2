import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { create, type HostileDisk, patch } from "./hostile-disk.ts";

/** Files that are not disks, or not such as QEMU should open. */
export const damagedDisks: readonly HostileDisk[] = [
  {
    what: "text",
    says: /is not a disk: it is text|is not a qcow2/,
    make: (path) => writeFile(path, "hello"),
  },
  { what: "an empty file", says: /0 bytes|is not a qcow2/, make: (path) => writeFile(path, "") },
  {
    what: "a part of a sector",
    says: /1000 bytes|is not a qcow2/,
    make: (path) => writeFile(path, Buffer.alloc(1000)),
  },
  {
    what: "a compressed file",
    says: /gzip|is not a qcow2/,
    make: (path) => writeFile(path, Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(1022)])),
  },
  { what: "a directory", says: /is not a file|There is no image/, make: (path) => mkdir(path) },
  {
    what: "a pipe",
    says: /is not a file|There is no image/,
    make: async (path) => execFileSync("mkfifo", [path]),
  },
  { what: "nothing", says: /no such file|There is no (?:image|base image)/, make: async () => undefined },
  {
    what: "an encrypted disk",
    says: /encrypted|is not a qcow2/,
    async make(path) {
      const disk = Buffer.alloc(1 << 20);
      disk.write("LUKS\xba\xbe\0\x01", "latin1");
      await writeFile(path, disk);
    },
  },
  ...(
    [
      ["of a size that no disk has", 24, [0x10, 0, 0, 0, 0, 0, 0, 0], /virtual size is/],
      ["that is encrypted", 32, [0, 0, 0, 2], /encrypted/],
      ["of no size", 24, [0, 0, 0, 0, 0, 0, 0, 0], /virtual size is 0/],
      ["with giant clusters", 20, [0, 0, 0, 40], /clusters/],
      ["with a giant table", 36, [0x7f, 0, 0, 0], /first table/],
      ["with a table that is too small", 36, [0, 0, 0, 0], /first table/],
      ["with a table beyond its end", 40, [0, 0, 1, 0], /do not fit/],
      ["with a giant table of references", 56, [0x7f, 0, 0, 0], /do not fit/],
      ["with many snapshots", 60, [0x7f, 0, 0, 0], /snapshots/],
      ["of an unknown version", 4, [0, 0, 0, 9], /version/],
      ["that is marked as corrupt", 79, [2], /corrupt/],
    ] as const
  ).map(([what, at, bytes, says]) => ({
    what: `a qcow2 ${what}`,
    says,
    async make(path: string) {
      await create(path, "-f", "qcow2", "1M");
      await patch(path, at, bytes);
    },
  })),
  {
    what: "the beginning of a qcow2",
    says: /ends in its header/,
    make: (path) => writeFile(path, Buffer.from("QFI\xfb\0\0\0\x03", "latin1")),
  },
];
