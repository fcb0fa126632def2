import { debianPackageOf } from "@ob/core";
import type { QemuDiagnosis } from "@ob/sandbox-qemu";
import { apt, type Check } from "./check.ts";

/**
 * The checks of QEMU for one architecture.
 *
 * @param required true if builds need it: then a lack is a failure.
 */
export function qemuChecks(found: QemuDiagnosis, required: boolean): readonly Check[] {
  const name = `QEMU ${found.arch}`;
  const lack = required ? "failure" : "warning";
  if (found.version === undefined) {
    const help = apt(debianPackageOf[found.binary] ?? "qemu-system");
    const text = `${found.binary} is not installed: no ${found.arch} guests`;
    return [{ name, state: lack, text, help }];
  }
  const checks = [versionCheck(found, { name, lack }), acceleratorCheck(found)];
  return checks.filter((check) => check !== undefined);
}

/** One line for all architectures without a QEMU that nothing here needs. */
export function otherQemuCheck(found: readonly QemuDiagnosis[]): readonly Check[] {
  if (found.length === 0) return [];
  const packages = new Set(found.map(({ binary }) => debianPackageOf[binary] ?? "qemu-system"));
  const text = `not installed: no ${found.map(({ arch }) => arch).join(", ")} guests`;
  return [{ name: "QEMU others", state: "ok", text, help: apt([...packages].join(" ")) }];
}

function versionCheck(
  { version, binary, missing, missingFirmware }: QemuDiagnosis,
  { name, lack }: { readonly name: string; readonly lack: "failure" | "warning" },
): Check {
  const [firmware] = missingFirmware;
  if (firmware) {
    const text = `${binary} ${version}, without the firmware ${firmware.file}`;
    return { name, state: lack, text, help: apt(firmware.debian) };
  }
  if (missing.length > 0) {
    const text = `${binary} ${version} lacks ${missing.join(", ")}`;
    return { name, state: lack, text, help: "Use the QEMU of your distribution, version 7.2 or newer." };
  }
  return { name, state: "ok", text: `${binary} ${version}, with all that is used of it` };
}

function acceleratorCheck({ arch, accelerator }: QemuDiagnosis): Check | undefined {
  if (accelerator === undefined) return undefined;
  const { name: chosen, why } = accelerator;
  const name = `KVM ${arch}`;
  if (chosen !== "tcg") return { name, state: "ok", text: `${chosen}: ${why}` };
  const foreign = why.includes("no other accelerator");
  return {
    name,
    // Guests of another architecture are always emulated.
    state: foreign ? "ok" : "warning",
    text: `guests are emulated${foreign ? "" : ", which is many times slower"}: ${why}`,
    help: kvmHelp(why, foreign),
  };
}

function kvmHelp(why: string, foreign: boolean): string | undefined {
  if (foreign) return undefined;
  return why.includes("cannot be opened")
    ? "Load the module kvm_intel or kvm_amd, and give yourself access: sudo usermod -aG kvm USER, then log in again."
    : "If this host is itself a virtual machine, enable nested virtualization for it.";
}

/** How steps with a network are connected. */
export function networkCheck(found: readonly QemuDiagnosis[]): Check {
  const [first] = found.filter(({ version }) => version !== undefined);
  const name = "passt";
  const why = first === undefined ? "without QEMU it was not tried" : first.passtObstacle;
  if (why === undefined)
    return { name, state: "ok", text: "steps with a network do not reach this host's loopback" };
  return {
    name,
    state: "warning",
    text: `steps with a network reach this host's loopback: ${why}`,
    help: why.includes("not installed") && first !== undefined ? apt("passt") : undefined,
  };
}
