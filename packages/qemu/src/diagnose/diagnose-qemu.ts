import {
  deadline,
  errorMessage,
  findProgram,
  type GuestArch,
  isObError,
  noopEmit,
  ObError,
  throwIfAborted,
  makeTemporaryDirectory,
} from "@ob/core";
import * as v from "valibot";
import { chooseAccelerator } from "../accelerator/choose-accelerator.ts";
import { Confinement } from "../confinement/confinement.ts";
import type { ConfinementStatus } from "../confinement/host-abilities.ts";
import { monitorArgs } from "../argv/monitor-args.ts";
import { missingFirmware as findMissingFirmware } from "../machine/firmware.ts";
import type { Accelerator, Machine } from "../machine/machine.ts";
import { machineFor } from "../machine/registry.ts";
import { passtObstacle } from "../network/host-networks.ts";
import { qemuVersion } from "../process/qemu-version.ts";
import { isAtLeast, oldestAccepted } from "../process/version-data.ts";
import { QemuInstance } from "../vm/qemu-instance.ts";

/** What this host has for guests of one architecture. */
export interface QemuDiagnosis {
  readonly arch: GuestArch;
  /** The QEMU program, such as `qemu-system-x86_64`. */
  readonly binary: string;
  /** Such as `7.2.22`; undefined if QEMU is not installed. */
  readonly version: string | undefined;
  /** Which accelerator `auto` chooses, and why; undefined without QEMU. */
  readonly accelerator: { readonly name: Accelerator; readonly why: string } | undefined;
  /** What QEMU lacks of what is used of it: a version that is accepted, devices, and abilities without which there are no snapshots. */
  readonly missing: readonly string[];
  /** Firmware files that do not exist, each with its Debian package. */
  readonly missingFirmware: readonly { readonly file: string; readonly debian: string }[];
  /** Why passt cannot be used; undefined if it can. */
  readonly passtObstacle: string | undefined;
}

/** Finds how QEMU is confined on this host, by trials. */
export async function diagnoseConfinement(): Promise<ConfinementStatus> {
  await using state = await makeTemporaryDirectory("diagnose");
  return await new Confinement({ choice: "auto", stateDirectory: state.path }).status();
}

/** How long a QEMU without a machine may take to answer, in milliseconds. */
const answerTime = 30_000;

/**
 * Finds what this host has for guests of an architecture, by running QEMU without a guest, and a boot sector to verify KVM.
 *
 * @throws the signal's reason.
 */
export async function diagnoseQemu(arch: GuestArch, signal: AbortSignal): Promise<QemuDiagnosis> {
  const machine = machineFor(arch);
  const { binary } = machine;
  const missingFirmware = await findMissingFirmware(machine);
  const about = { arch, binary, missingFirmware };
  if ((await findProgram(binary)) === undefined) {
    return {
      ...{ ...about, version: undefined, accelerator: undefined, missing: [] },
      passtObstacle: `${binary} is not installed`,
    };
  }
  const caller = { signal, emit: noopEmit };
  try {
    const version = await qemuVersion(binary, caller);
    const { major, minor } = oldestAccepted;
    const tooOld = isAtLeast(version, oldestAccepted) ? [] : [`what QEMU ${major}.${minor} and newer have`];
    return {
      ...about,
      version: version.text,
      accelerator: await acceleratorOf(machine, signal),
      missing: [...tooOld, ...(await missingIn(machine, signal))],
      passtObstacle: await passtObstacle(binary, caller),
    };
  } catch (error) {
    throwIfAborted(signal);
    if (!isObError(error)) throw error;
    const missing = [`an answer (${errorMessage(error)})`];
    return { ...about, version: "unknown", accelerator: undefined, missing, passtObstacle: undefined };
  }
}

async function acceleratorOf(
  machine: Machine,
  signal: AbortSignal,
): Promise<NonNullable<QemuDiagnosis["accelerator"]>> {
  await using state = await makeTemporaryDirectory("diagnose");
  let why = "";
  const name = await chooseAccelerator(machine, {
    ...{ choice: "auto", stateDirectory: state.path, signal },
    emit: (event) => {
      if (event.type === "log") why = event.text.replace(/^accelerator: \w+ \((.*)\)$/s, "$1");
    },
  });
  return { name, why };
}

const capabilities = v.array(v.object({ capability: v.string() }));
const types = v.array(v.object({ name: v.string() }));

/** Asks a QEMU without a machine, in the sandbox that steps have. */
async function missingIn({ binary, devices }: Machine, caller: AbortSignal): Promise<readonly string[]> {
  using limit = deadline(answerTime, () => new ObError("TOOL_FAILED", `${binary} does not answer.`));
  const options = ["-machine", "none", "-nodefaults", "-display", "none", "-sandbox", "on"];
  await using qemu = await QemuInstance.spawn([binary, ...options, ...monitorArgs("/dev/null")]);
  const signal = AbortSignal.any([caller, limit.signal, qemu.failed]);
  await qemu.qmp.handshake(signal);
  const known = new Set([
    ...v.parse(types, await qemu.qmp.execute("qom-list-types", { signal })).map(({ name }) => name),
    ...v
      .parse(capabilities, await qemu.qmp.execute("query-migrate-capabilities", { signal }))
      .map(({ capability }) => capability),
  ]);
  const models = [devices.disk, devices.network, devices.random, ...devices.notifyDevices];
  const wanted = models.map((device) => device.replace(/,.*/, ""));
  return [...wanted, "memory-backend-memfd", "x-ignore-shared"].filter((name) => !known.has(name));
}
