/** An entry of an initrd: a directory, or a file with its contents. Paths have no leading slash. */
export type CpioEntry =
  | { readonly path: string; readonly kind: "directory" }
  | { readonly path: string; readonly kind: "file"; readonly contents: Uint8Array; readonly mode: number };

/**
 * Packs an archive in cpio's "newc" format, which the Linux kernel unpacks (Documentation/driver-api/
 * early-userspace/buffer-format.rst). Root owns all entries. A directory must precede its contents.
 */
export function packCpio(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.map((entry, index) =>
    entry.kind === "directory"
      ? packEntry(entry.path, { inode: index + 1, mode: 0o040755, links: 2 })
      : packEntry(entry.path, {
          inode: index + 1,
          mode: 0o100000 | entry.mode,
          links: 1,
          contents: entry.contents,
        }),
  );
  return Buffer.concat([...parts, packEntry("TRAILER!!!", { inode: 0, mode: 0, links: 1 })]);
}

interface Inode {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly contents?: Uint8Array;
}

function packEntry(path: string, { inode, mode, links, contents = new Uint8Array() }: Inode): Buffer {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, uid, gid, links, mtime, size, device (2), device number (2), length of the name, checksum
  const fields = [inode, mode, 0, 0, links, 0, contents.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(Buffer.from(contents))]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
