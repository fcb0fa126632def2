import { blockNode } from "../argv/block-node.ts";
import type { DataDisk, VmConfig } from "../argv/qemu-argv.ts";
import { setDrive } from "./drive.ts";
import type { Vm } from "./vm.ts";

/*
 * How a VM whose machine has no hot-plug gets other disks. The devices that it was started with stay. Each gets another block node, or,
 * between two steps, an empty one: then QEMU has closed the file. The guest's driver must not be bound to a device meanwhile: it reads
 * a disk's size when it is bound.
 */

/** True if a VM has a device for each of the disks, by their `node`. */
export function hasDevicesFor(
  { disks, hardware }: Pick<VmConfig, "disks" | "hardware">,
  wanted: readonly Pick<DataDisk, "node" | "serial">[],
): boolean {
  if ((hardware.diskBus ?? "virtio") !== "virtio") return false;
  return wanted.every((disk) =>
    disks.some(({ node, serial }) => node === disk.node && serial === disk.serial),
  );
}

/**
 * Takes disks from their devices. When this resolves, QEMU has closed the files.
 *
 * @throws ObError `TOOL_FAILED` if QEMU refuses it; `GUEST_LOST`; the signal's reason.
 */
export async function emptyDevices(
  vm: Vm,
  disks: readonly Pick<DataDisk, "node" | "file">[],
  signal: AbortSignal,
): Promise<void> {
  for (const { node, file } of disks) {
    await vm.qmp.execute("blockdev-add", { arguments: emptyNode(node), signal });
    await setDrive(vm, { device: node, node: emptyNode(node)["node-name"] }, signal);
    await vm.qmp.execute("blockdev-del", { arguments: { "node-name": node }, signal });
    vm.hideDisk(file);
  }
}

/**
 * Gives qcow2 disks to the devices that `emptyDevices` has emptied.
 *
 * @throws as `emptyDevices`.
 */
export async function fillDevices(
  vm: Vm,
  disks: readonly Pick<DataDisk, "node" | "file">[],
  signal: AbortSignal,
): Promise<void> {
  for (const { node, file } of disks) {
    const disk = { node, file, format: "qcow2" } as const;
    await vm.showDisk(disk);
    await vm.qmp.execute("blockdev-add", { arguments: blockNode(disk), signal });
    await setDrive(vm, { device: node, node }, signal);
    const empty = { "node-name": emptyNode(node)["node-name"] };
    await vm.qmp.execute("blockdev-del", { arguments: empty, signal });
  }
}

/** A disk without a byte: a guest that still uses the device gets errors, and nothing of QEMU's memory. */
function emptyNode(device: string) {
  return { driver: "null-co", "node-name": `${device}-empty`, size: 0, "read-zeroes": true } as const;
}
