import type { VmConfig } from "../argv/qemu-argv.ts";
import { isAmong } from "../process/version-data.ts";

/** True if a VM can be saved and resumed: by its machine, and where that depends on it by QEMU's version. */
export function isResumable({ machine, version }: Pick<VmConfig, "machine" | "version">): boolean {
  const { resumable } = machine;
  if (typeof resumable === "boolean") return resumable;
  return version !== undefined && isAmong(version, resumable);
}
