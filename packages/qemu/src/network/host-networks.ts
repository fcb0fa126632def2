import { type Emit, errorMessage, findProgram, isObError, missingTool, ObError } from "@ob/core";
import type { HostNetwork } from "../argv/qemu-argv.ts";
import type { Machine } from "../machine/machine.ts";
import { qemuVersion } from "../process/qemu-version.ts";
import { isAtLeast } from "../process/version-data.ts";
import { startPasst } from "./passt.ts";

/** `auto` is passt where it works, else slirp with a warning. */
export type NetworkChoice = "auto" | HostNetwork;

export interface HostNetworksOptions {
  readonly choice: NetworkChoice;
  /** True: a guest may reach the host's loopback at 10.0.2.2. `auto` is slirp then. */
  readonly allowHostLoopback: boolean;
}

interface Caller {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** How the VMs of one sandbox are connected with the host's network: chosen for the first VM of a machine, and then kept. */
export class HostNetworks {
  /** See `PasstOptions.hostLoopback`. */
  readonly hostLoopback: boolean;
  readonly #choice: NetworkChoice;
  readonly #chosen = new Map<string, HostNetwork>();
  #warned = false;

  constructor({ choice, allowHostLoopback }: HostNetworksOptions) {
    this.#choice = choice;
    this.hostLoopback = allowHostLoopback;
  }

  /**
   * Warns once if guests can reach the host's loopback without being allowed to.
   *
   * @throws ObError `MISSING_TOOL` or `UNSUPPORTED` if passt was requested and cannot be used; the signal's reason.
   */
  async choose({ binary }: Pick<Machine, "binary">, caller: Caller): Promise<HostNetwork> {
    const known = this.#chosen.get(binary);
    if (known !== undefined) return known;
    const chosen = await this.#find(binary, caller);
    this.#chosen.set(binary, chosen);
    return chosen;
  }

  async #find(binary: string, caller: Caller): Promise<HostNetwork> {
    if (this.#choice === "slirp" || (this.#choice === "auto" && this.hostLoopback)) {
      this.#warn(caller.emit, "slirp was requested");
      return "slirp";
    }
    const why = await passtObstacle(binary, caller);
    if (why === undefined) return "passt";
    if (this.#choice === "passt") {
      if ((await findProgram("passt")) === undefined) throw missingTool("passt");
      throw new ObError("UNSUPPORTED", `passt cannot be used: ${why}.`, { data: { option: "network" } });
    }
    this.#warn(caller.emit, why);
    return "slirp";
  }

  #warn(emit: Emit, why: string): void {
    if (this.hostLoopback || this.#warned) return;
    this.#warned = true;
    const text = `Steps with a network can reach services on this host's 127.0.0.1, at 10.0.2.2: ${why}.`;
    emit({ type: "log", level: "warning", text });
  }
}

/** The first version of QEMU with `-netdev stream`. */
const streamNetdev = { major: 7, minor: 2 };

/**
 * Why passt cannot connect guests of this QEMU program with the network of this host; undefined if it can.
 *
 * @throws the signal's reason; ObError `MISSING_TOOL` without QEMU.
 */
export async function passtObstacle(binary: string, { signal, emit }: Caller): Promise<string | undefined> {
  if ((await findProgram("passt")) === undefined) {
    return "passt is not installed (on Debian or Ubuntu: sudo apt-get install passt)";
  }
  const version = await qemuVersion(binary, { signal, emit });
  const { major, minor } = streamNetdev;
  if (!isAtLeast(version, streamNetdev)) {
    return `passt needs QEMU ${major}.${minor} or newer, and ${binary} is ${version.text}`;
  }
  try {
    await using _ = await startPasst({ hostLoopback: false, signal, emit });
    return undefined;
  } catch (error) {
    if (!isObError(error, "TOOL_FAILED")) throw error;
    return errorMessage(error).replaceAll("\n", " ").replace(/\.$/, "");
  }
}
