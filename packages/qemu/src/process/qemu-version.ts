import { type Emit, ObError, run } from "@ob/core";

export interface QemuVersion {
  readonly major: number;
  readonly minor: number;
  /** Such as `7.2.22`. */
  readonly text: string;
}

/** True for that version and newer ones. */
export function isAtLeast(
  { major, minor }: QemuVersion,
  wanted: { readonly major: number; readonly minor: number },
): boolean {
  return major > wanted.major || (major === wanted.major && minor >= wanted.minor);
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
  const [, text, major, minor] = /\bversion ((\d+)\.(\d+)[.\d]*)/.exec(stdout) ?? [];
  if (text === undefined) {
    throw new ObError("TOOL_FAILED", `${binary} does not print its version: ${stdout.split("\n")[0] ?? ""}`);
  }
  return { major: Number(major), minor: Number(minor), text };
}
