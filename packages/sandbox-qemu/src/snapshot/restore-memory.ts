import { pid } from "node:process";
import { run } from "@ob/core";
import type { Vm } from "@ob/qemu";
import { memfdPath } from "./save.ts";

/**
 * Copies a snapshot's memory into that of a VM whose memory is `restored`, before its device state is loaded.
 *
 * @param saved an open descriptor of the snapshot's memory.
 * @throws ObError `TOOL_FAILED`, `NO_SPACE`; the signal's reason.
 */
export async function restoreMemory(vm: Vm, saved: number, signal: AbortSignal): Promise<void> {
  const target = await memfdPath(await vm.qemuPid());
  // Of what copies a file with holes, this leaves the file in place that QEMU has mapped.
  const copy = ["convert", "-n", "--target-is-zero", "-f", "raw", "-O", "raw"] as const;
  await run(["qemu-img", ...copy, `/proc/${pid}/fd/${saved}`, target], { signal });
}
