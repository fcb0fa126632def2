import { type Emit, ObError, run } from "@ob/core";
import { isAtLeast, oldestAccepted, type QemuRelease } from "./version-data.ts";

export interface QemuVersion extends QemuRelease {
  /** Such as `7.2.22`. */
  readonly text: string;
}

/** @throws ObError `UNSUPPORTED` for a QEMU that is older than the oldest that is accepted. */
export function assertAccepted(binary: string, version: QemuVersion): void {
  if (isAtLeast(version, oldestAccepted)) return;
  const { major, minor } = oldestAccepted;
  throw new ObError(
    "UNSUPPORTED",
    `${binary} is QEMU ${version.text}, and ${major}.${minor} or newer is needed.`,
    {
      hint: "Use a newer release of your distribution (Debian 12, Ubuntu 24.04), or its backports.",
    },
  );
}

/**
 * The version of a QEMU program.
 *
 * @param binary such as `qemu-system-x86_64`.
 * @throws ObError `MISSING_TOOL`; `TOOL_FAILED` if it does not run, or prints something else; the signal's reason.
 */
export async function qemuVersion(
  binary: string,
  { signal, emit }: { readonly signal: AbortSignal; readonly emit: Emit },
): Promise<QemuVersion> {
  const { stdout } = await run([binary, "--version"], { signal, emit });
  const [, text, major, minor, patch] = /\bversion ((\d+)\.(\d+)(?:\.(\d+))?[.\d]*)/.exec(stdout) ?? [];
  if (text === undefined) {
    throw new ObError("TOOL_FAILED", `${binary} does not print its version: ${stdout.split("\n")[0] ?? ""}`);
  }
  return { major: Number(major), minor: Number(minor), patch: Number(patch ?? 0), text };
}

/** The versions of the QEMU programs that one sandbox's VMs are started with: each is asked once. */
export class QemuVersions {
  readonly #known = new Map<string, QemuVersion>();

  /** @throws ObError as `qemuVersion`; `UNSUPPORTED` for a QEMU that is too old. */
  async of(
    binary: string,
    caller: { readonly signal: AbortSignal; readonly emit: Emit },
  ): Promise<QemuVersion> {
    const version = this.#known.get(binary) ?? (await qemuVersion(binary, caller));
    this.#known.set(binary, version);
    assertAccepted(binary, version);
    return version;
  }
}
