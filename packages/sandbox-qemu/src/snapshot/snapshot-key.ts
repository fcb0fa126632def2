import { readFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import { type FileIdentity, fileIdentity, findProgram, type SnapshotPoint, sha256 } from "@ob/core";
import { qemuArgv, type VmConfig } from "@ob/qemu";

/** What must be the same to resume a VM from a snapshot. */
export interface SnapshotKey {
  /** The same for the same VM; it is the name of a directory. */
  readonly name: string;
  readonly point: SnapshotPoint;
  /** The files that must be the very same: QEMU, and the disks of a layer that is based on others. */
  readonly files: readonly FileIdentity[];
  /** The files whose bytes the snapshot depends on, wherever they came from: kernel, initrd and base layer. */
  readonly contents: readonly FileIdentity[];
}

export interface KeyOptions {
  readonly point: SnapshotPoint;
  /** The root disk, if the guest has mounted it. */
  readonly disk: MountedDisk | undefined;
}

export interface MountedDisk {
  /** The disk's backing file and all below it, which hold all that the guest has read. A base layer is one file. */
  readonly layers: readonly FileIdentity[];
  /** The backing file as the disk's header names it. */
  readonly backing: string;
  /** In bytes. */
  readonly virtualSize: number;
}

/** Raised with each change of a snapshot's files, of how they are written, or of what is sent to the initrd. */
export const snapshotFormat = 5;

/**
 * The key of a VM's snapshot. It is made of QEMU's command line, so that nothing is forgotten: only what may differ between
 * a snapshot and the VM that is resumed from it is replaced here.
 *
 * @returns undefined if one of the files cannot be read; starting the VM will say why.
 */
export async function snapshotKey(
  config: VmConfig,
  { point, disk }: KeyOptions,
): Promise<SnapshotKey | undefined> {
  const { accelerator, directBoot, disks, machine } = config;
  const argv = qemuArgv(
    {
      ...config,
      rootDisk: "root",
      disks: disks.map((each) => ({ ...each, file: each.node })),
      network: "none",
      memory: "shared",
    },
    { consoleLog: "console.log", machineId: "any" },
  );
  const program = await findProgram(machine.binary);
  const paths = [directBoot?.kernel, directBoot?.initrd].filter((path) => path !== undefined);
  try {
    const files = program === undefined ? [] : [await fileIdentity(program)];
    const contents = await Promise.all(paths.map(fileIdentity));
    // A base layer may be imported again, with the same bytes. Any other that is made again has other ones.
    if (disk) (disk.layers.length === 1 ? contents : files).push(...disk.layers);
    const host = accelerator === "tcg" ? [] : await processor();
    const places = contents.map(({ path }) => path);
    const parts = [snapshotFormat, point, argv, files, places, disk?.backing, disk?.virtualSize, host];
    return { name: sha256(JSON.stringify(parts)), point, files, contents };
  } catch {
    return undefined;
  }
}

/** Without emulation the guest depends on the host's processor, and on its kernel. */
async function processor(): Promise<readonly string[]> {
  const text = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const first = text.split("\n\n")[0] ?? "";
  const lasting = first
    .split("\n")
    .filter((line) => !/^(?:cpu MHz|bogomips|apicid|initial apicid)\s/i.test(line));
  return [release(), cpus()[0]?.model ?? "", ...lasting];
}
