import { fchmodSync, fchownSync, fstatSync } from "node:fs";
import type { BlockNode } from "../argv/block-node.ts";
import type { VmConfig } from "../argv/qemu-argv.ts";
import { pathsIn } from "./argv-files.ts";
import { backingFiles } from "./backing-chain.ts";
import type { VmConfinement } from "./confinement.ts";
import type { FileView } from "./file-view.ts";

/** A disk that QEMU opens. */
export type ShownDisk = Omit<BlockNode, "node">;

/** Lets QEMU open disks with all the files below them. @throws ObError as `FileView.show`. */
export async function showDisks(view: FileView | undefined, disks: readonly ShownDisk[]): Promise<void> {
  if (!view) return;
  for (const { file, format, readOnly = false } of disks) {
    view.show({ path: file, access: readOnly ? "read" : "write" });
    if (format === "raw") continue;
    for (const path of await backingFiles(file)) view.show({ path, access: "read" });
  }
}

/** Lets QEMU open what it is started with. @param laterDisks as `StartOptions`. */
export async function showFilesOf(
  { rootDisk, disks, directBoot, hardware }: VmConfig,
  {
    view,
    laterDisks = [],
  }: { readonly view: FileView | undefined; readonly laterDisks?: readonly string[] | undefined },
): Promise<void> {
  const files = [rootDisk, ...disks.map(({ file }) => file), ...laterDisks];
  await showDisks(
    view,
    files.map((file) => ({ file, format: "qcow2" })),
  );
  for (const path of [directBoot?.kernel, directBoot?.initrd]) {
    if (path !== undefined) view?.show({ path, access: "read" });
  }
  for (const { path } of (hardware.arguments ?? []).flatMap(pathsIn)) {
    // They are the caller's own.
    view?.show({ path, access: "read", borrowed: true });
  }
}

/**
 * Lets QEMU open a snapshot's memory a second time, for writing, by the descriptor that it inherits: its memory backend does that, although
 * it maps the file privately.
 */
export function grantMemory({ group }: VmConfinement, descriptor: number): void {
  if (group === undefined) return;
  const mode = 0o660;
  const found = fstatSync(descriptor);
  if (found.gid !== group) fchownSync(descriptor, found.uid, group);
  if ((found.mode & 0o777) !== mode) fchmodSync(descriptor, mode);
}
