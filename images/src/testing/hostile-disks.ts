import { readFile, truncate, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { damagedDisks } from "./damaged-disks.ts";
import { create, type HostileDisk, patch, type Targets } from "./hostile-disk.ts";

/** A qcow2 disk with a backing file that need not exist. */
const on = async (path: string, backing: string): Promise<unknown> =>
  await create(path, "-f", "qcow2", "-u", "-b", backing, "-F", "raw", "1M");

const fileNode = (filename: string) => ({ driver: "raw", file: { driver: "file", filename } });
const backingFile = /has a backing file/;

const named: readonly HostileDisk[] = [
  {
    what: "a qcow2 with a backing file",
    says: /backing file ".*secret"/,
    make: (path, { secret }) => on(path, secret),
  },
  {
    what: "a qcow2 with a backing file beside it",
    says: /backing file "secret"/,
    async make(path, { secret }) {
      await writeFile(join(dirname(path), "secret"), await readFile(secret), { mode: 0o600 });
      await on(path, "secret");
    },
  },
  {
    what: "a qcow2 with a json: backing file",
    says: /"json:/,
    make: (path, { secret }) => on(path, `json:${JSON.stringify(fileNode(secret))}`),
  },
  {
    what: "a qcow2 with a URL as backing file",
    says: /"http:/,
    make: (path, { port }) => on(path, `http://127.0.0.1:${port}/disk`),
  },
  {
    what: "a qcow2 with a network block device as backing file",
    says: /"nbd:/,
    make: (path, { port }) => on(path, `nbd:127.0.0.1:${port}`),
  },
  {
    what: "a qcow2 with a backing file on another machine",
    says: /"ssh:/,
    make: (path, { port }) => on(path, `ssh://127.0.0.1:${port}/etc/shadow`),
  },
  {
    what: "a qcow2 with a directory as backing file",
    says: /"fat:/,
    make: (path, { secret }) => on(path, `fat:${dirname(secret)}`),
  },
  {
    what: "a qcow2 of version 2 with a backing file",
    says: backingFile,
    make: (path, { secret }) =>
      create(path, "-f", "qcow2", "-o", "compat=0.10", "-u", "-b", secret, "-F", "raw", "1M"),
  },
  {
    what: "a qcow2 with its data in another file",
    says: /data in another file, ".*secret"/,
    async make(path, { secret }) {
      // QEMU replaces the file.
      const contents = await readFile(secret);
      await create(path, "-f", "qcow2", "-o", `data_file=${secret},data_file_raw=on`, "1M");
      await writeFile(secret, contents, { mode: 0o600 });
    },
  },
  {
    what: "a qcow of the first version with a backing file",
    says: backingFile,
    make: (path, { secret }) => create(path, "-f", "qcow", "-b", secret, "-F", "raw", "1M"),
  },
  {
    what: "a qed with a backing file",
    says: backingFile,
    make: (path, { secret }) => create(path, "-f", "qed", "-u", "-b", secret, "-F", "raw", "1M"),
  },
  {
    what: "a VMDK descriptor",
    says: /VMDK descriptor/,
    make: (path, { secret }) => writeFile(path, vmdkDescriptor(secret)),
  },
  {
    what: "a VMDK descriptor of whole sectors",
    says: /VMDK descriptor/,
    async make(path, { secret }) {
      await writeFile(path, vmdkDescriptor(secret));
      await truncate(path, 4096);
    },
  },
  {
    what: "a VMDK with an embedded descriptor",
    says: /data in other files/,
    async make(path, { secret }) {
      const disk = Buffer.alloc(1 << 16);
      disk.write("KDMV");
      disk.writeUInt32LE(1, 4);
      disk.writeBigUInt64LE(1n, 28);
      disk.writeBigUInt64LE(20n, 36);
      disk.write(vmdkDescriptor(secret), 512);
      await writeFile(path, disk);
    },
  },
  {
    what: "a VMDK with a parent",
    says: /depends on ".*base\.vmdk"/,
    async make(path) {
      const base = join(dirname(path), "base.vmdk");
      await create(base, "-f", "vmdk", "1M");
      await create(path, "-f", "vmdk", "-b", base, "-F", "vmdk", "1M");
    },
  },
  {
    what: "an old VMDK with a parent name where QEMU reads it",
    says: /depends on ".*secret"/,
    async make(path, { secret }) {
      const disk = Buffer.alloc(1 << 16);
      disk.write("COWD");
      disk.write(`parentFileNameHint="${secret}"\n`, 700);
      await writeFile(path, disk);
    },
  },
  {
    what: "an old VMDK with a parent name that only QEMU takes for one",
    says: /depends on ".*secret"/,
    async make(path, { secret }) {
      const disk = Buffer.alloc(1 << 16);
      disk.write("COWD");
      disk.write(`xparentFileNameHint:"${secret}"\n`, 700);
      await writeFile(path, disk);
    },
  },
  {
    what: "a VDI with a parent",
    says: /VDI/,
    async make(path) {
      await create(path, "-f", "vdi", "1M");
      await patch(path, 0x1b8, [1, 2, 3]);
    },
  },
  {
    what: "a VHD with a parent",
    says: /VHD disk/,
    async make(path) {
      await create(path, "-f", "vpc", "1M");
      await patch(path, 60, [0, 0, 0, 4]);
    },
  },
  {
    what: "a VHDX with a parent",
    says: /VHDX/,
    async make(path) {
      await create(path, "-f", "vhdx", "1M");
      const disk = await readFile(path);
      const metadata = Number(
        disk.readBigUInt64LE(disk.indexOf("06a27c8b90479a4bb8fe575f050f886e", "hex") + 16),
      );
      const item = disk.indexOf("3767a1ca36fa434db3b633f0aa44e76b", metadata, "hex");
      await patch(path, metadata + disk.readUInt32LE(item + 16) + 4, [2]);
    },
  },
];

function vmdkDescriptor(extent: string): string {
  return `# Disk DescriptorFile
version=1
CID=12345678
parentCID=ffffffff
createType="monolithicFlat"

# Extent description
RW 128 FLAT "${extent}" 0
`;
}

/** Disks that are refused. */
export const hostileDisks: readonly HostileDisk[] = [...named, ...damagedDisks];

/** Names that QEMU parses as protocols, not as paths. */
export function qemuNames({ secret, port }: Targets): readonly string[] {
  return [
    `json:${JSON.stringify(fileNode(secret))}`,
    `json:{"driver":"nbd","host":"127.0.0.1","port":"${port}"}`,
    `file:${secret}`,
    `file://${secret}`,
    `fat:${dirname(secret)}`,
    `http://127.0.0.1:${port}/${basename(secret)}`,
    `nbd://127.0.0.1:${port}`,
    `ssh://127.0.0.1:${port}/etc/shadow`,
    `driver=raw,file.filename=${secret}`,
  ];
}
