import { isObError } from "@ob/core";
import { reasonOf } from "../abort.ts";
import type { Vm } from "./vm.ts";

/** Does `work` in a guest; what comes of the caller's signal, or of a machine that died, is told as just that. */
export async function withVmErrors<T>(vm: Vm, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw reasonOf(signal);
    throw isObError(error, "GUEST_LOST") ? await vm.explainFailure(error) : error;
  }
}
