import type { StepRecord } from "@ob/core";

/** In which few words a step is marked, and why it was so. */
export interface StepSource {
  readonly mark: string;
  readonly why: string;
}

const boot = "No VM snapshot was resumed for it.";
const resume = "A VM snapshot was resumed.";

/**
 * Where the result of a step came from: the store, or a VM and how that came to run.
 *
 * @param before the steps before it in its stage, in their order.
 */
export function sourceOf(step: StepRecord, before: readonly StepRecord[]): StepSource {
  const { outcome, vmStart } = step;
  if (outcome === "cached")
    return { mark: "cached", why: "Its layer was there, or another build made it meanwhile." };
  switch (vmStart) {
    case "reuse":
      return { mark: "VM reused", why: "It went on in the VM of the step before." };
    case "warm":
      return { mark: "VM kept ready", why: "A VM was ready before the step needed it." };
    case "resume":
      return { mark: "VM resumed", why: `${whyNotReused(step, before)} ${resume}` };
    case "boot":
      return { mark: "VM booted", why: `${whyNotReused(step, before)} ${boot}` };
    case undefined:
      return step.op === "from"
        ? { mark: "imported", why: "The base image was imported; that needs no VM." }
        : { mark: "no VM", why: "It ended before a VM ran, or its VM is not known." };
  }
}

function whyNotReused({ vmReason }: StepRecord, before: readonly StepRecord[]): string {
  if (vmReason !== undefined) return `The VM of the step before was not reused: ${vmReason}.`;
  const last = before.findLast(({ op }) => op !== "from");
  if (!last) return "It is the first step of its stage that needs a VM.";
  if (last.outcome === "cached") return "The step before was cached: there was no VM to go on in.";
  if (last.vmStart === undefined) return "The step before ran no VM that it could go on in.";
  return "The VM of the step before was not kept for it.";
}
