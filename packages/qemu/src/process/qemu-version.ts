import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Emit, ObError, partialBeside, run } from "@ob/core";
import * as v from "valibot";
import { programIdentity } from "./program-identity.ts";
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

/**
 * The versions of the QEMU programs that one sandbox's VMs are started with. Each is asked once, and what an installed program has answered
 * is kept for as long as its file is the same.
 */
export class QemuVersions {
  readonly #known = new Map<string, QemuVersion>();
  readonly #stateDirectory: string;

  /** @param stateDirectory where the answers are kept. */
  constructor(stateDirectory: string) {
    this.#stateDirectory = stateDirectory;
  }

  /** @throws ObError as `qemuVersion`; `UNSUPPORTED` for a QEMU that is too old. */
  async of(binary: string, caller: Caller): Promise<QemuVersion> {
    const version = this.#known.get(binary) ?? (await this.#keptOrAsked(binary, caller));
    this.#known.set(binary, version);
    assertAccepted(binary, version);
    return version;
  }

  async #keptOrAsked(binary: string, caller: Caller): Promise<QemuVersion> {
    const program = await programIdentity(binary);
    if (program === undefined) return await qemuVersion(binary, caller);
    const file = join(this.#stateDirectory, `${binary}.version.json`);
    const kept = await readKept(file);
    if (kept?.program === program) return kept.version;
    const version = await qemuVersion(binary, caller);
    await keep(file, { program, version: { ...version, patch: version.patch ?? 0 } });
    return version;
  }
}

type Caller = Parameters<typeof qemuVersion>[1];

const number = v.pipe(v.number(), v.integer());
const keptSchema = v.object({
  program: v.string(),
  version: v.object({ major: number, minor: number, patch: number, text: v.string() }),
});
type Kept = v.InferOutput<typeof keptSchema>;

/** Undefined if it is missing or invalid: the program is asked. */
async function readKept(file: string): Promise<Kept | undefined> {
  try {
    return v.parse(keptSchema, JSON.parse(await readFile(file, "utf8")));
  } catch {
    return undefined;
  }
}

async function keep(file: string, kept: Kept): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = await partialBeside(file);
  await writeFile(draft, `${JSON.stringify(kept)}\n`);
  await rename(draft, file);
}
