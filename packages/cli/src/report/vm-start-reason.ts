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
      return { mark: "VM resumed", why: `${whyNotReused(before)} ${resume}` };
    case "boot":
      return { mark: "VM booted", why: `${whyNotReused(before)} ${boot}` };
    case undefined:
      return step.op === "from"
        ? { mark: "imported", why: "The base image was imported; that needs no VM." }
        : { mark: "no VM", why: "It ended before a VM ran, or its VM is not known." };
  }
}

/** What a step can have in the spec after which its VM is not reused, by the name of the field. */
const neverKept: Readonly<Record<string, string>> = {
  network: "had a network",
  secrets: "had secrets",
  restart: "could restart its VM",
};

function whyNotReused(before: readonly StepRecord[]): string {
  const last = before.findLast(({ op }) => op !== "from");
  if (!last) return "It is the first step of its stage that needs a VM.";
  if (last.outcome === "cached") return "The step before was cached: there was no VM to go on in.";
  if (last.vmStart === undefined) return "The step before ran no VM that it could go on in.";
  // The command, which can hold anything, comes last.
  const [fields = ""] = last.heading.split("(shell ");
  const field = Object.entries(neverKept).find(([name]) => fields.includes(`(${name} `));
  return field
    ? `The step before ${field[1]}: its VM serves no other.`
    : "The VM of the step before was not kept for it.";
}
