import type { DiskBus } from "@ob/core";
import { diskControllers, diskDevice } from "../machine/disk-bus.ts";
import type { Accelerator, Machine, QemuOption } from "../machine/machine.ts";
import { memoryFd, networkFd, rootShellErrorsFd, rootShellFd } from "../process/qemu-process.ts";
import type { QemuRelease } from "../process/version-data.ts";
import { blockNode } from "./block-node.ts";
import { monitorArgs } from "./monitor-args.ts";
import { sandboxArgs } from "./sandbox-args.ts";

export interface DirectBoot {
  /** Absolute paths on the host. */
  readonly kernel: string;
  readonly initrd: string | undefined;
  readonly commandLine: string;
}

/** QEMU's name for the root disk's block node and device. */
export const rootNode = "disk0";

/** QEMU's id of the CD-ROM drive. */
export const cdromId = "obuilder-disc";

/** A disk of a VM besides its root disk. */
export interface DataDisk {
  /** QEMU's name for its block node and for its device; not `rootNode`. */
  readonly node: string;
  /** Its serial number, by which the guest finds it: at most 20 characters. */
  readonly serial: string;
  /** Absolute path of the qcow2 file on the host. */
  readonly file: string;
}

export interface VmConfig {
  readonly machine: Machine;
  /** Of the machine's program; undefined: what depends on it is not used. */
  readonly version?: QemuRelease | undefined;
  /** Properties of the machine's type that remove devices, of `Machine.removals`; by default none. Not for another type (`Hardware.machine`). */
  readonly removals?: readonly string[] | undefined;
  readonly accelerator: Accelerator;
  readonly memoryMib: number;
  readonly cpus: number;
  /** Absolute path of the qcow2 disk that the guest boots from. */
  readonly rootDisk: string;
  /** The disks besides the root disk that the VM has from its start, in the order in which the guest sees them. */
  readonly disks: readonly DataDisk[];
  /** `none`: the guest can only answer connections to its `guestPort`, which come from this process by `GuestLink`. */
  readonly network: "none" | HostNetwork;
  /** With passt: `PasstOptions.hostLoopback`. By default false. With slirp a guest always reaches the host's loopback. */
  readonly hostLoopback?: boolean | undefined;
  /** A TCP port of the guest to which `Vm.connect` leads. By default none. */
  readonly guestPort?: number | undefined;
  /** True for an empty CD-ROM drive, if the machine has IDE. By default false. */
  readonly cdrom?: boolean;
  /**
   * True for two virtio-serial ports, `obuilder.root` and `obuilder.root.errors`, on which the guest's init starts a root shell; see
   * `Vm.rootShellPort`. By default false.
   */
  readonly rootShellPort?: boolean | undefined;
  /** Undefined: the guest boots from its first disk. */
  readonly directBoot: DirectBoot | undefined;
  readonly hardware: Hardware;
  /** By default `private`. */
  readonly memory?: MemoryKind | undefined;
}

/** What connects a guest with the host's network: slirp is a part of QEMU, passt a process beside it. */
export type HostNetwork = "slirp" | "passt";

/**
 * Where the guest's memory is. `shared`: in an anonymous file that a snapshot can be taken of (`saveMachine`). `resumed`: a private
 * mapping of a snapshot's memory file (`memoryFd`), which is not changed; QEMU waits for the device state (`stateFd`). `restored`:
 * `shared`, and QEMU waits for the device state once a snapshot's memory has been copied into it.
 */
export type MemoryKind = "private" | "shared" | "resumed" | "restored";

/** Overrides of what a machine has by default. */
export interface Hardware {
  /** By default virtio. */
  readonly diskBus?: DiskBus | undefined;
  /** `-machine`, in place of the machine's type. */
  readonly machine?: string | undefined;
  /** `-cpu`, in place of the model for the accelerator. */
  readonly cpu?: string | undefined;
  /** QEMU's model of the network card, in place of the machine's. */
  readonly networkDevice?: string | undefined;
  /** Appended to QEMU's command line. */
  readonly arguments?: readonly string[] | undefined;
}

export interface QemuArgvOptions {
  /** Absolute path of the file in which QEMU also logs the console. */
  readonly consoleLog: string;
  /** See `newMachineId`. */
  readonly machineId: string;
}

/**
 * QEMU's command line, program first. See `monitorArgs` for QMP and the console.
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
    sandboxArgs,
    ["-machine", machineOption(config)],
    ["-accel", accelerator],
    ["-cpu", hardware.cpu ?? machine.cpu[accelerator]],
    ["-smp", String(config.cpus)],
    ["-m", `${config.memoryMib}M`],
    ...(machine.smbios ? [["-smbios", `type=1,serial=${machineId},sku=${machineId}`] as const] : []),
    ...memoryOptions(memory, config.memoryMib),
  ];
  const rest: readonly QemuOption[] = [
    ...netdevOptions(config),
    ["-device", `${hardware.networkDevice ?? devices.network},netdev=net0${withoutRom(machine)}`],
    ["-device", devices.random],
    ...devices.notifyDevices.map((device) => ["-device", device] as const),
    ...diskControllers(hardware.diskBus ?? "virtio", diskCount(config)),
    ...diskOptions({ index: 0, node: rootNode, serial: machineId, file: config.rootDisk }, config),
    ...config.disks.flatMap((disk, position) => diskOptions({ index: position + 1, ...disk }, config)),
    ...cdromOptions(config),
    ...rootShellOptions(config),
    ...firmwareOptions(config),
    ...(directBoot ? kernelOptions(directBoot) : []),
  ];
  // A guest that reboots would run what it was started for twice: QEMU exits instead.
  const fixed = ["-nodefaults", "-no-user-config", "-no-reboot"];
  const own = [...fixed, ...options.flat(), ...monitorArgs(consoleLog), ...rest.flat()];
  return [machine.binary, ...own, ...(hardware.arguments ?? [])];
}

function machineOption({ machine, hardware, removals = [], memory = "private" }: VmConfig): string {
  const type = hardware.machine === undefined ? [machine.type, ...removals] : [hardware.machine];
  return [...type, ...(memory === "private" ? [] : [`memory-backend=${memoryId}`])].join();
}

/** Part of the device state: the same when it is saved and when it is loaded. */
const memoryId = "memory";

function memoryOptions(memory: MemoryKind, mebibytes: number): readonly QemuOption[] {
  const size = `id=${memoryId},size=${mebibytes}M`;
  // Not a file on a disk, to which the host would write back dirty pages.
  const inMemory = ["-object", `memory-backend-memfd,${size},share=on`] as const;
  switch (memory) {
    case "private":
      return [];
    case "shared":
      return [inMemory];
    case "restored":
      return [inMemory, incoming];
    case "resumed":
      return [
        ["-object", `memory-backend-file,${size},share=off,mem-path=/proc/self/fd/${memoryFd}`],
        incoming,
      ];
  }
}

const incoming: QemuOption = ["-incoming", "defer"];

/** What runs before the guest's boot loader or kernel. */
export function firmwareOptions({ machine, directBoot }: VmConfig): readonly QemuOption[] {
  return directBoot ? machine.firmware.kernel : machine.firmware.disk;
}

/** No option ROM, which only devices on PCI have. */
function withoutRom({ bus }: Machine): string {
  return bus === "pci" ? ",romfile=" : "";
}

/** With port 0 the host's kernel chooses a free port, without a race. */
function netdevOptions({
  network,
  guestPort,
  memory = "private",
}: Pick<VmConfig, "network" | "guestPort" | "memory">): readonly QemuOption[] {
  const forward = guestPort === undefined ? "" : `,hostfwd=tcp:127.0.0.1:0-:${guestPort}`;
  if (network === "slirp") return [["-netdev", `user,id=net0,restrict=off${forward}`]];
  // A snapshot has slirp's state, whatever network its VM had: a slirp that nothing is connected to takes it.
  const unconnected = ["-netdev", "user,id=unconnected,restrict=on"] as const;
  return [...(memory === "private" ? [] : [unconnected]), ["-netdev", socketNetdev[network]]];
}

/** Netdevs whose other end this process holds. Both write frames in the same form, but only `stream` is sure to be passt's. */
const socketNetdev = {
  none: `socket,id=net0,fd=${networkFd}`,
  passt: `stream,id=net0,server=off,addr.type=fd,addr.str=${networkFd}`,
} as const;

/** How many disks the VM has from its start. */
export function diskCount({ disks }: Pick<VmConfig, "disks">): number {
  return 1 + disks.length;
}

/** An I/O error of the host pauses the VM, so that it is reported and not passed to the guest. */
function diskOptions(
  { index, node, serial, file }: DataDisk & { readonly index: number },
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

/** QEMU chooses a free IDE unit. Of the machine types that can be requested, these two have IDE. */
function cdromOptions({ cdrom, machine, hardware }: VmConfig): readonly QemuOption[] {
  const hasIde = machine.ideBuses.length > 0 && /\b(?:pc|q35)\b/.test(hardware.machine ?? machine.type);
  return cdrom && hasIde ? [["-device", `ide-cd,id=${cdromId}`]] : [];
}

/** QEMU's name for the port of the root shell, in its events. */
export const rootShellId = "root-shell";

/** After the disks, whose addresses are then the same without it. */
function rootShellOptions({ rootShellPort, machine }: VmConfig): readonly QemuOption[] {
  if (rootShellPort !== true) return [];
  const port = (id: string, { name, fd }: { readonly name: string; readonly fd: number }) =>
    [
      ["-chardev", `socket,id=${id},fd=${fd}`],
      ["-device", `virtserialport,chardev=${id},id=${id},name=${name}`],
    ] as const;
  return [
    ["-device", machine.devices.serialPorts],
    ...port(rootShellId, { name: "obuilder.root", fd: rootShellFd }),
    ...port(`${rootShellId}-errors`, { name: "obuilder.root.errors", fd: rootShellErrorsFd }),
  ];
}

function kernelOptions({ kernel, initrd, commandLine: append }: DirectBoot): readonly QemuOption[] {
  return [
    ["-kernel", kernel],
    ...(initrd === undefined ? [] : [["-initrd", initrd] as const]),
    ["-append", append],
  ];
}
