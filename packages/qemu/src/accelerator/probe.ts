import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bareEnvironment } from "../process/confine.ts";
import {
  abortable,
  abortReason,
  deadline,
  errnoCode,
  errorMessage,
  isObError,
  missingTool,
  ObError,
  checkArgument,
  checkOptions,
  tailLines,
  makeTemporaryDirectory,
} from "@ob/core";
import type { Accelerator, AcceleratorProbe, Machine, QemuOption } from "../machine/machine.ts";

export interface ProbeOptions {
  readonly accelerator: Accelerator;
  readonly signal: AbortSignal;
  /** How long the guest may take to end QEMU, in milliseconds; under emulation it takes 300. By default 3,000. */
  readonly timeoutMs?: number | undefined;
}

/** Whether an accelerator runs a guest, and how that was found. */
export interface ProbeResult {
  readonly works: boolean;
  readonly why: string;
}

/**
 * Boots code that ends QEMU with a distinctive exit status: only a guest that runs can do that.
 *
 * @throws ObError `MISSING_TOOL`; the signal's reason.
 */
export async function probe(machine: Machine, options: ProbeOptions): Promise<ProbeResult> {
  checkArgument("probe: machine", machine, "object");
  checkOptions("probe", options, { accelerator: "string", signal: "object", timeoutMs: "number?" });
  const { accelerator, timeoutMs = 3_000 } = options;
  if (!machine.probe) return { works: false, why: `${accelerator} cannot be verified on ${machine.arch}` };
  await using directory = await makeTemporaryDirectory("probe");
  using limit = deadline(
    timeoutMs,
    () => new ObError("BOOT_FAILED", `${accelerator} opens, but a guest hangs`),
  );
  const ended = new AbortController();
  try {
    const file = join(directory.path, "boot.img");
    await writeFile(file, machine.probe.code);
    const child = spawn(machine.binary, probeArguments(machine, { ...machine.probe, accelerator, file }), {
      stdio: ["ignore", "ignore", "pipe"],
      killSignal: "SIGKILL",
      env: bareEnvironment(),
      signal: ended.signal,
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const { promise: closed, resolve, reject } = Promise.withResolvers<number | null>();
    child.once("close", resolve);
    // QEMU did not start, or was killed after the time limit.
    child.on("error", reject);
    const status = await abortable(closed, AbortSignal.any([options.signal, limit.signal]));
    if (status === machine.probe.exitStatus) return { works: true, why: "verified to run a guest" };
    const said = tailLines(stderr, 1);
    return { works: false, why: `${accelerator} fails${said === "" ? "" : `: ${said}`}` };
  } catch (error) {
    if (options.signal.aborted) throw abortReason(options.signal);
    if (errnoCode(error) === "ENOENT") throw missingTool(machine.binary, error);
    if (!isObError(error, "BOOT_FAILED")) throw error;
    return { works: false, why: errorMessage(error) };
  } finally {
    ended.abort();
  }
}

interface ProbeFile extends Omit<AcceleratorProbe, "code"> {
  readonly accelerator: Accelerator;
  /** Absolute path of the code. */
  readonly file: string;
}

function diskOptions(machine: Machine, filename: string): readonly QemuOption[] {
  const file = { driver: "file", filename };
  const blockdev = { driver: "raw", "node-name": "probe", "read-only": true, file };
  return [
    ["-blockdev", JSON.stringify(blockdev)],
    ["-device", `${machine.devices.disk},drive=probe`],
  ];
}

function probeArguments(machine: Machine, { accelerator, kind, file, options: more }: ProbeFile): string[] {
  const options: readonly QemuOption[] = [
    ["-display", "none"],
    ["-machine", machine.type],
    ["-accel", accelerator],
    ["-cpu", machine.cpu[accelerator]],
    ["-m", "32M"],
    ...more,
    ...(kind === "firmware" ? [["-bios", file] as const] : diskOptions(machine, file)),
  ];
  return ["-nodefaults", "-no-user-config", ...options.flat()];
}
