import { abortReason, isObError } from "@ob/core";
import type { QemuInstance } from "./qemu-instance.ts";

/** Runs `work` in a guest. An error that follows from the caller's signal or from a failure of the VM becomes that one. */
export async function withVmErrors<T>(
  vm: QemuInstance,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw abortReason(signal);
    throw isObError(error, "GUEST_LOST") ? await vm.explainFailure(error) : error;
  }
}
