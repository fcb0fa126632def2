import type { Emit, GuestArch } from "@ob/core";
import type { Accelerator, Machine } from "../machine/machine.ts";
import { type AcceleratorOptions, chooseAccelerator } from "./choose-accelerator.ts";

/** The accelerators of one sandbox's VMs: chosen when the first VM of an architecture is started, and then kept. */
export class Accelerators {
  readonly #options: Pick<AcceleratorOptions, "choice" | "stateDirectory">;
  readonly #chosen = new Map<GuestArch, Accelerator>();

  constructor(options: Pick<AcceleratorOptions, "choice" | "stateDirectory">) {
    this.#options = options;
  }

  /** @throws ObError as `chooseAccelerator`. */
  async choose(
    machine: Machine,
    { signal, emit }: { readonly signal: AbortSignal; readonly emit: Emit },
  ): Promise<Accelerator> {
    const known = this.#chosen.get(machine.arch);
    if (known !== undefined) return known;
    const { choice, stateDirectory } = this.#options;
    const chosen = await chooseAccelerator(machine, { choice, stateDirectory, signal, emit });
    this.#chosen.set(machine.arch, chosen);
    return chosen;
  }
}
