import { basename } from "node:path";
import type { Emit } from "@ob/core";
import { confineArgv, type ConfinementChoice, monitorArgs } from "@ob/qemu";
import type { OnImageEvent } from "../build/phases.ts";
import { type Argv, withPrefix } from "../disk/fakeroot.ts";

export interface ConfineInstaller {
  /** Absolute path of the file that the guest's console is logged to. */
  readonly consoleLog: string;
  /** Put in front of QEMU and what confines it; it passes its descriptors on and exits with QEMU. By default nothing. */
  readonly prefix?: readonly string[] | undefined;
  /** How QEMU is confined; by default `auto`. See `confineArgv`. */
  readonly confinement?: ConfinementChoice | undefined;
  readonly onEvent?: OnImageEvent | undefined;
}

/** The arguments of `QemuInstance.spawn`. To be disposed of when QEMU has ended. */
export interface ConfinedInstaller extends AsyncDisposable {
  readonly argv: Argv;
  readonly confinedBy: Argv | undefined;
}

/** What ends with this process. */
const endingWithUs = ["setpriv", "--pdeathsig", "KILL", "--"] as const;

/**
 * Confines an installer's QEMU as that of a step. A program other than QEMU, such as a wrapper of a recipe's own, is started as it is.
 *
 * @param qemu its argv, without the console and the monitor.
 */
export async function confinedInstaller(
  qemu: Argv,
  { consoleLog, prefix = [], confinement: choice = "auto", onEvent }: ConfineInstaller,
): Promise<ConfinedInstaller> {
  const argv: Argv = [...qemu, ...monitorArgs(consoleLog)];
  const isQemu = basename(argv[0]).startsWith("qemu-system-");
  const emit: Emit = (event) => {
    if (event.type === "log" && event.level === "warning") onEvent?.({ type: "note", text: event.text });
  };
  const confined = isQemu ? await confineArgv(argv, { consoleLog, choice, emit }) : undefined;
  if (!confined?.confinedBy) {
    await confined?.[Symbol.asyncDispose]();
    return { argv: withPrefix(prefix, argv), confinedBy: undefined, [Symbol.asyncDispose]: async () => {} };
  }
  const { confinedBy } = confined;
  return {
    argv,
    confinedBy: prefix.length === 0 ? confinedBy : [...endingWithUs, ...prefix, ...confinedBy],
    [Symbol.asyncDispose]: async () => await confined[Symbol.asyncDispose](),
  };
}
