import { readFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import { type FileIdentity, fileIdentity, findProgram, type ResumePoint, sha256 } from "@ob/core";
import { qemuArgv, type VmConfig } from "../machine/qemu-argv.ts";

/** What must be the same for a machine that was saved to be resumed. */
export interface SnapshotKey {
  /** The same for the same machine, and a file name. */
  readonly name: string;
  readonly point: ResumePoint;
  /** What the saved machine knows: it is worth nothing once one of these has changed. */
  readonly files: readonly FileIdentity[];
}

export interface KeyOptions {
  readonly point: ResumePoint;
  /** The disk that the guest has mounted, where it has. */
  readonly disk: MountedDisk | undefined;
}

export interface MountedDisk {
  /** Of the disk's backing file, which holds all that the guest has read. */
  readonly layer: FileIdentity;
  /** The backing file as the disk's header names it. */
  readonly backing: string;
  /** In bytes. */
  readonly virtualSize: number;
}

/** A change of what a template is, of how it is saved or of what the initrd is told makes older ones useless. */
export const snapshotFormat = 1;

/**
 * The key of a machine. It is made of QEMU's own command line, so that nothing can be forgotten: what a machine may
 * differ in from the one that was saved is left out here, and nowhere else.
 *
 * @returns undefined if a file that counts cannot be looked at; the machine's start will tell why.
 */
export async function snapshotKey(
  config: VmConfig,
  { point, disk }: KeyOptions,
): Promise<SnapshotKey | undefined> {
  const { accelerator, directBoot, disks, machine } = config;
  const [first, ...others] = disks;
  const anyDisk = (_: string, index: number): string => `disk${index}`;
  const argv = qemuArgv(
    {
      ...config,
      disks: [anyDisk(first, 0), ...others.map((other, index) => anyDisk(other, index + 1))],
      network: "none",
      memory: "shared",
    },
    { consoleLog: "console.log", machineId: "any" },
  );
  const program = await findProgram(machine.binary);
  const paths = [program, directBoot?.kernel, directBoot?.initrd].filter((path) => path !== undefined);
  try {
    const files = await Promise.all(paths.map(fileIdentity));
    if (disk) files.push(disk.layer);
    const host = accelerator === "tcg" ? [] : await processor();
    const parts = [snapshotFormat, point, argv, files, disk?.backing, disk?.virtualSize, host];
    return { name: sha256(JSON.stringify(parts)), point, files };
  } catch {
    return undefined;
  }
}

/** Without emulation the guest knows the host's processor, and what the host's kernel makes of it. */
async function processor(): Promise<readonly string[]> {
  const text = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const first = text.split("\n\n")[0] ?? "";
  const lasting = first
    .split("\n")
    .filter((line) => !/^(?:cpu MHz|bogomips|apicid|initial apicid)\s/i.test(line));
  return [release(), cpus()[0]?.model ?? "", ...lasting];
}
