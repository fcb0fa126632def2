import type { Vm } from "./vm.ts";

/** Gives a disk's device another block node, which must exist. @throws ObError `TOOL_FAILED` with QEMU's message; `GUEST_LOST`; the signal's reason. */
export async function setDrive(
  vm: Vm,
  { device, node }: { readonly device: string; readonly node: string },
  signal: AbortSignal,
): Promise<void> {
  const path = `/machine/peripheral/${device}`;
  await vm.qmp.execute("qom-set", { arguments: { path, property: "drive", value: node }, signal });
}
