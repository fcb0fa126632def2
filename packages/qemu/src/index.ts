export { Accelerators } from "./accelerator/accelerators.ts";
export {
  type AcceleratorChoice,
  type AcceleratorOptions,
  chooseAccelerator,
} from "./accelerator/choose-accelerator.ts";
export { type InstallCpuOptions, installCpuArgs } from "./accelerator/cpu-args.ts";
export { probe, type ProbeOptions, type ProbeResult } from "./accelerator/probe.ts";
export { escapeOptionValue } from "./argv/escape.ts";
export { monitorArgs } from "./argv/monitor-args.ts";
export { sandboxArgs } from "./argv/sandbox-args.ts";
export { blockNode, type BlockNode } from "./argv/block-node.ts";
export {
  type DataDisk,
  type DirectBoot,
  diskCount,
  firmwareOptions,
  type Hardware,
  type HostNetwork,
  type MemoryKind,
  qemuArgv,
  type QemuArgvOptions,
  rootNode,
  type VmConfig,
} from "./argv/qemu-argv.ts";
export { Confinement, type ConfinementChoice, type ConfinementOptions } from "./confinement/confinement.ts";
export type { ConfinementStatus } from "./confinement/host-abilities.ts";
export { type ConfinedArgv, confineArgv, type ConfineArgvOptions } from "./confinement/confined-argv.ts";
export { type ConfinedTool, confineReader, confineTool } from "./confinement/confined-tool.ts";
export { diagnoseConfinement, diagnoseQemu, type QemuDiagnosis } from "./diagnose/diagnose-qemu.ts";
export { amd64 } from "./machine/amd64.ts";
export { maxDisksOn } from "./machine/disk-bus.ts";
export { assertFirmware } from "./machine/firmware.ts";
export type { Accelerator, AcceleratorProbe, Machine, QemuOption } from "./machine/machine.ts";
export { machineIdPattern, newMachineId } from "./machine/machine-id.ts";
export { autoSlotDisks } from "./machine/pci-slots.ts";
export { machineFor } from "./machine/registry.ts";
export { isResumable } from "./machine/is-resumable.ts";
export { riscv64 } from "./machine/riscv64.ts";
export {
  HostNetworks,
  type HostNetworksOptions,
  type NetworkChoice,
  passtObstacle,
} from "./network/host-networks.ts";
export { assertAccepted, qemuVersion, type QemuVersion, QemuVersions } from "./process/qemu-version.ts";
export { oldestAccepted, type QemuRelease, type QemuReleases } from "./process/version-data.ts";
export {
  argumentsOf,
  hostIdentity,
  identityOf,
  isAlive,
  type ProcessIdentity,
} from "./process/process-identity.ts";
export {
  consoleFd,
  memoryFd,
  qmpFd,
  type QemuExit,
  type QemuProcess,
  type RootShellPort,
  spawnQemu,
  type SpawnQemuOptions,
  stateFd,
} from "./process/qemu-process.ts";
export { SerialConsole, stripControlSequences } from "./process/serial-console.ts";
export { type Monitor, QmpClient } from "./qmp/client.ts";
export type { QmpEvent } from "./qmp/protocol.ts";
export { insertIso, type IsoDrive, type IsoFile, writeIso } from "./vm/cdrom.ts";
export { emptyDevices, fillDevices, hasDevicesFor } from "./vm/disk-exchange.ts";
export {
  type AttachedDisk,
  attachDisk,
  attachDisks,
  detachDisk,
  type HotDisk,
  supportsHotplug,
} from "./vm/hot-plug.ts";
export { detachRootDisk, openDisk, type OpenedDisk, swapRootDisk } from "./vm/root-disk-swap.ts";
export { createRunDirectory, type RunDirectory, sweepRunDirectories } from "./vm/run-directory.ts";
export { QemuInstance, type SpawnOptions } from "./vm/qemu-instance.ts";
export { withVmErrors } from "./vm/vm-failure.ts";
export { asBootFailure, type StartOptions, Vm } from "./vm/vm.ts";
export type { WatchedPort } from "./vm/watched-port.ts";
