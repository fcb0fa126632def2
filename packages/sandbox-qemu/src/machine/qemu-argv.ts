import type { DiskBus } from "@ob/core";
import { cdromId as driveName } from "../vm/cdrom.ts";
import { type CacheDisk, rootNode } from "./cache-disk.ts";
import { diskControllers, diskDevice } from "./disk-bus.ts";
import type { Accelerator, Machine, QemuOption } from "./machine.ts";

/** File descriptors of QEMU that we hold the other end of. */
export const qmpFd = 3;
export const consoleFd = 4;
/** Descriptors of files that a resumed machine has besides: its devices' state, and its memory. */
export const stateFd = 5;
export const memoryFd = 6;

export interface DirectBoot {
  /** Absolute paths on the host. */
  readonly kernel: string;
  readonly initrd: string | undefined;
  readonly commandLine: string;
}

export interface VmConfig {
  readonly machine: Machine;
  readonly accelerator: Accelerator;
  readonly memoryMib: number;
  readonly cpus: number;
  /** Absolute path of the qcow2 disk that the guest boots from. */
  readonly rootDisk: string;
  /** The cache disks that the VM has from its start. */
  readonly caches: readonly CacheDisk[];
  /** `none`: the guest reaches nothing but its SSH port's peer. */
  readonly network: "none" | "host";
  /** An empty drive for discs besides, on a machine that has IDE. By default none. */
  readonly cdrom?: boolean;
  /** Undefined: the guest boots from its first disk. */
  readonly directBoot: DirectBoot | undefined;
  readonly hardware: Hardware;
  /** By default `private`. */
  readonly memory?: MemoryKind | undefined;
}

/**
 * Where the guest's memory is. `shared`: where it can be saved from, see `saveMachine`. `resumed`: in a file that was
 * saved (`memoryFd`), which does not change by it; QEMU waits for the state of its devices (`stateFd`).
 */
export type MemoryKind = "private" | "shared" | "resumed";

/** What is not as the machine has it by itself. */
export interface Hardware {
  /** By default virtio. */
  readonly diskBus?: DiskBus | undefined;
  /** `-machine`, in place of the machine's type. */
  readonly machine?: string | undefined;
  /** `-cpu`, in place of the model for the accelerator. */
  readonly cpu?: string | undefined;
  /** Words at the end of QEMU's command line. */
  readonly arguments?: readonly string[] | undefined;
}

export interface QemuArgvOptions {
  /** Absolute path of the file where QEMU keeps the console besides. */
  readonly consoleLog: string;
  /** See `newMachineId`. */
  readonly machineId: string;
}

/**
 * QEMU's command line, program first. QMP and the console are connected sockets that QEMU inherits
 * (`qmpFd`, `consoleFd`): nobody else can open them, and nothing is left to sweep.
 *
 * @throws ObError `UNSUPPORTED` for more disks than the machine takes.
 */
export function qemuArgv(
  config: VmConfig,
  { consoleLog, machineId }: QemuArgvOptions,
): readonly [string, ...string[]] {
  const { machine, accelerator, directBoot, hardware, memory = "private" } = config;
  const { devices } = machine;
  const options: readonly QemuOption[] = [
    ["-display", "none"],
    ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    [
      "-machine",
      `${hardware.machine ?? machine.type}${memory === "private" ? "" : `,memory-backend=${memoryId}`}`,
    ],
    ["-accel", accelerator],
    ["-cpu", hardware.cpu ?? machine.cpu[accelerator]],
    ["-smp", String(config.cpus)],
    ["-m", `${config.memoryMib}M`],
    ...(machine.smbios ? [["-smbios", `type=1,serial=${machineId},sku=${machineId}`] as const] : []),
    ...memoryOptions(memory, config.memoryMib),
    ["-chardev", `socket,id=qmp,fd=${qmpFd}`],
    ["-mon", "chardev=qmp,mode=control"],
    ["-chardev", `socket,id=console,fd=${consoleFd},logfile=${escape(consoleLog)}`],
    ["-serial", "chardev:console"],
    ["-netdev", netdev(config.network)],
    ["-device", `${devices.network},netdev=net0,romfile=`],
    ["-device", devices.random],
    ...devices.notifyDevices.map((device) => ["-device", device] as const),
    ...diskControllers(hardware.diskBus ?? "virtio", diskCount(config)),
    ...diskOptions({ index: 0, node: rootNode, serial: machineId, file: config.rootDisk }, config),
    ...config.caches.flatMap((cache) => diskOptions(cache, config)),
    ...discDriveOptions(config),
    ...firmwareOptions(config),
    ...(directBoot ? kernelOptions(directBoot) : []),
  ];
  // A guest that restarts would run the step's first half twice: its QEMU ends instead.
  const words = ["-nodefaults", "-no-user-config", "-no-reboot", ...options.flat()];
  return [machine.binary, ...words, ...(hardware.arguments ?? [])];
}

/** What is saved under a name is found by the same. */
const memoryId = "memory";

function memoryOptions(memory: MemoryKind, mebibytes: number): readonly QemuOption[] {
  const size = `id=${memoryId},size=${mebibytes}M`;
  switch (memory) {
    case "private":
      return [];
    case "shared":
      // No file on a disk, to which the host would write what the guest changes.
      return [["-object", `memory-backend-memfd,${size},share=on`]];
    case "resumed":
      return [
        ["-object", `memory-backend-file,${size},share=off,mem-path=/proc/self/fd/${memoryFd}`],
        ["-incoming", "defer"],
      ];
  }
}

/** What starts the guest before its own boot loader or kernel. */
export function firmwareOptions({ machine, directBoot }: VmConfig): readonly QemuOption[] {
  return directBoot ? machine.firmware.kernel : machine.firmware.disk;
}

/** Port 0 lets the host's kernel choose: no two processes can race for one. */
function netdev(network: VmConfig["network"]): string {
  const restrict = network === "host" ? "off" : "on";
  return `user,id=net0,restrict=${restrict},hostfwd=tcp:127.0.0.1:0-:22`;
}

export interface BlockNode {
  /** QEMU's name for it. */
  readonly node: string;
  /** Absolute path. */
  readonly file: string;
  readonly format: "qcow2" | "raw";
  /** By default false. */
  readonly readOnly?: boolean | undefined;
}

/**
 * A disk's file, for `-blockdev` and `blockdev-add`. Flushes of the guest are not passed on to the host's disk: a layer
 * is kept only after QEMU has closed it, and an fsync.
 */
export function blockNode({
  node,
  file,
  format,
  readOnly = false,
}: BlockNode): Readonly<Record<string, unknown>> {
  const common = {
    discard: "unmap",
    cache: { "no-flush": true },
    ...(readOnly && { "read-only": true }),
  };
  return {
    driver: format,
    "node-name": node,
    ...common,
    file: { driver: "file", filename: file, ...common },
  };
}

/** How many disks the VM has from its start. */
export function diskCount({ caches }: Pick<VmConfig, "caches">): number {
  return 1 + caches.length;
}

/** An I/O error of the host pauses the VM, so that it is reported and not passed to the guest. */
function diskOptions(
  { index, node, serial, file }: Omit<CacheDisk, "target">,
  config: VmConfig,
): readonly QemuOption[] {
  const { machine, hardware, directBoot } = config;
  // A kernel that QEMU boots itself has boot index 0.
  const boot = index === 0 && !directBoot ? ",bootindex=0" : "";
  const device = diskDevice(hardware.diskBus ?? "virtio", { index, count: diskCount(config), machine });
  const properties = `drive=${node},id=${node},serial=${serial},werror=stop,rerror=stop${boot}`;
  return [
    ["-blockdev", JSON.stringify(blockNode({ node, file, format: "qcow2" }))],
    ["-device", `${device},${properties}`],
  ];
}

/** QEMU finds a place for it that nothing else has taken. Of machines that were asked for by their type two have IDE. */
function discDriveOptions({ cdrom: discDrive, machine, hardware }: VmConfig): readonly QemuOption[] {
  const hasIde = machine.ideBuses.length > 0 && /\b(?:pc|q35)\b/.test(hardware.machine ?? machine.type);
  return discDrive && hasIde ? [["-device", `ide-cd,id=${driveName}`]] : [];
}

function kernelOptions({ kernel, initrd, commandLine: append }: DirectBoot): readonly QemuOption[] {
  return [
    ["-kernel", kernel],
    ...(initrd === undefined ? [] : [["-initrd", initrd] as const]),
    ["-append", append],
  ];
}

/** A comma ends an option's value unless it stands twice. */
function escape(value: string): string {
  return value.replaceAll(",", ",,");
}
