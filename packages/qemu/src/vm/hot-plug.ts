import { abortable, deadline, ObError } from "@ob/core";
import { blockNode, type BlockNode } from "../argv/block-node.ts";
import type { DataDisk, VmConfig } from "../argv/qemu-argv.ts";
import type { Vm } from "./vm.ts";

export interface HotDisk extends BlockNode {
  /** Its serial number, by which the guest finds it: at most 20 characters. */
  readonly serial: string;
}

/** A disk that was hot-plugged. It is closed with the VM at the latest. */
export interface AttachedDisk {
  /**
   * Hot-unplugs it. The guest must run, and have nothing of it mounted. When this resolves QEMU has closed the file.
   *
   * @throws ObError `TOOL_FAILED` if the guest does not release it: the file stays open until the VM ends.
   */
  detach(signal: AbortSignal): Promise<void>;
}

/** How long a guest may take to release a disk, in milliseconds. Under emulation it takes 100. */
const detachTime = 30_000;

/** True if disks can be hot-plugged; of a machine type that was requested this is not known. */
export function supportsHotplug({ machine, hardware }: Pick<VmConfig, "machine" | "hardware">): boolean {
  return machine.hotPlug && hardware.machine === undefined && (hardware.diskBus ?? "virtio") === "virtio";
}

/**
 * Attaches a disk to a running VM. The guest sees it a moment later.
 *
 * @throws ObError `UNSUPPORTED` if the machine has no hot-plug (`supportsHotplug`); `TOOL_FAILED` if QEMU refuses it,
 *   with the file closed; `GUEST_LOST`; the signal's reason.
 */
export async function attachDisk(vm: Vm, disk: HotDisk, signal: AbortSignal): Promise<AttachedDisk> {
  if (!supportsHotplug(vm.config)) {
    throw new ObError("UNSUPPORTED", "This machine does not support hot-plugging disks.");
  }
  const { node, serial, file } = disk;
  await vm.showDisk(disk);
  await vm.qmp.execute("blockdev-add", { arguments: blockNode(disk), signal });
  const device = {
    driver: vm.config.machine.devices.disk,
    id: node,
    drive: node,
    serial,
    werror: "stop",
    rerror: "stop",
  };
  try {
    await vm.qmp.execute("device_add", { arguments: device, signal });
  } catch (error) {
    if (!signal.aborted) {
      await removeNode(vm, node, signal);
      vm.hideDisk(file);
    }
    throw error;
  }
  return { detach: async (detaching) => await detachDisk(vm, { node, file }, detaching) };
}

/**
 * Attaches qcow2 disks to a running VM. QEMU runs the commands in the order in which they are sent, so the guest sees the
 * disks in this order.
 *
 * @throws as `attachDisk`.
 */
export async function attachDisks(vm: Vm, disks: readonly DataDisk[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    disks.map(async ({ node, serial, file }) => {
      await attachDisk(vm, { node, serial, file, format: "qcow2" }, signal);
    }),
  );
}

/** As `AttachedDisk.detach`, also for a disk that the VM was started with. */
export async function detachDisk(
  vm: Vm,
  { node, file }: Pick<DataDisk, "node" | "file">,
  caller: AbortSignal,
): Promise<void> {
  using limit = deadline(
    detachTime,
    () =>
      new ObError("TOOL_FAILED", `The guest did not release the disk ${node} within ${detachTime / 1000} s.`),
  );
  const signal = AbortSignal.any([caller, vm.failed, limit.signal]);
  const { promise: deleted, resolve } = Promise.withResolvers<void>();
  using _ = vm.onEvent(({ name, data }) => {
    if (name === "DEVICE_DELETED" && data["device"] === node) resolve();
  });
  await vm.qmp.execute("device_del", { arguments: { id: node }, signal });
  await abortable(deleted, signal);
  await removeNode(vm, node, signal);
  vm.hideDisk(file);
}

async function removeNode(vm: Vm, node: string, signal: AbortSignal): Promise<void> {
  await vm.qmp.execute("blockdev-del", { arguments: { "node-name": node }, signal });
}
