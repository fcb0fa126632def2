import { abortReason, isObError } from "@ob/core";
import * as v from "valibot";
import { blockNode } from "../argv/block-node.ts";
import { rootNode } from "../argv/qemu-argv.ts";
import { setDrive } from "./drive.ts";
import type { Vm } from "./vm.ts";

/*
 * How the root disk of a VM is replaced. The vCPUs are stopped, and the guest's file systems are frozen. The disk's device
 * stays, but its block node is replaced by a placeholder: then QEMU has closed the file, and it can be kept. Later a
 * disk with the same contents takes the place of the placeholder, and the guest does not notice.
 */

const placeholderNode = "placeholder";

/**
 * Stops the vCPUs and closes the root disk.
 *
 * @param file the absolute path of the root disk.
 * @returns what QEMU knew of the disk; undefined if this QEMU cannot do that: the VM is stopped, and can only `quit`.
 * @throws ObError `GUEST_LOST`, the failure of the VM, the signal's reason.
 */
export async function detachRootDisk(
  vm: Vm,
  file: string,
  signal: AbortSignal,
): Promise<OpenedDisk | undefined> {
  const { qmp } = vm;
  await qmp.execute("stop", { signal });
  const disk = await rootDisk(vm, signal);
  try {
    await qmp.execute("blockdev-add", {
      arguments: { driver: "null-co", "node-name": placeholderNode },
      signal,
    });
    await setDrive(vm, { device: rootNode, node: placeholderNode }, signal);
    await qmp.execute("blockdev-del", { arguments: { "node-name": rootNode }, signal });
  } catch (error) {
    if (isObError(error, "TOOL_FAILED")) return undefined;
    throw error;
  }
  if (vm.failed.aborted) throw abortReason(vm.failed);
  vm.hideDisk(file);
  return disk;
}

/** What QEMU knows of a disk that it has opened. */
export interface OpenedDisk {
  /** In bytes. */
  readonly virtualSize: number;
  /** Absolute path of its backing file, if it has one. */
  readonly backing: string | undefined;
}

const nodes = v.array(
  v.object({
    "node-name": v.optional(v.string()),
    image: v.object({
      "virtual-size": v.number(),
      "full-backing-filename": v.optional(v.string()),
    }),
  }),
);

/** Opens a root disk while the vCPUs are stopped. @throws ObError `TOOL_FAILED` with QEMU's message. */
export async function openDisk(vm: Vm, file: string, signal: AbortSignal): Promise<OpenedDisk> {
  const disk = { node: rootNode, file, format: "qcow2" } as const;
  await vm.showDisk(disk);
  await vm.qmp.execute("blockdev-add", { arguments: blockNode(disk), signal });
  return await rootDisk(vm, signal);
}

async function rootDisk(vm: Vm, signal: AbortSignal): Promise<OpenedDisk> {
  const answer = await vm.qmp.execute("query-named-block-nodes", { arguments: { flat: true }, signal });
  const node = v.parse(nodes, answer).find((each) => each["node-name"] === rootNode);
  if (!node) throw new TypeError(`QEMU does not know the node ${rootNode}`);
  const { "virtual-size": virtualSize, "full-backing-filename": backing } = node.image;
  return { virtualSize, backing };
}

/** Puts the disk that was opened in the place of the placeholder, and resumes the vCPUs. */
export async function swapRootDisk(vm: Vm, signal: AbortSignal): Promise<void> {
  await setDrive(vm, { device: rootNode, node: rootNode }, signal);
  await vm.qmp.execute("blockdev-del", { arguments: { "node-name": placeholderNode }, signal });
  await vm.qmp.execute("cont", { signal });
}
