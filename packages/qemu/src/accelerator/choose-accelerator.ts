import { access, constants, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkArgument, checkOptions, type Emit, ObError, run, partialBeside } from "@ob/core";
import * as v from "valibot";
import type { Accelerator, Machine } from "../machine/machine.ts";
import { hostIdentity } from "../process/process-identity.ts";
import { programIdentity } from "../process/program-identity.ts";
import { probe } from "./probe.ts";

export type AcceleratorChoice = "auto" | Accelerator;

export interface AcceleratorOptions {
  readonly choice: AcceleratorChoice;
  /** Where the result of a probe is cached. */
  readonly stateDirectory: string;
  /** By default `/dev/kvm`. */
  readonly kvmDevice?: string | undefined;
  /** As `ProbeOptions.timeoutMs`. */
  readonly timeoutMs?: number | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** What can be faster than emulation, by the host's operating system. */
const candidates: Partial<Record<NodeJS.Platform, Exclude<Accelerator, "tcg">>> = {
  linux: "kvm",
  darwin: "hvf",
};

/**
 * The accelerator to run a machine with. `auto` verifies by a probe that it runs a guest: a device that can be opened may
 * still hang the first guest forever. The result of a probe is valid for one QEMU version, one boot of the host and one device.
 *
 * @throws ObError `MISSING_TOOL`, `CANCELLED`; `UNSUPPORTED` if the requested one cannot run this machine.
 */
export async function chooseAccelerator(machine: Machine, options: AcceleratorOptions): Promise<Accelerator> {
  checkArgument("chooseAccelerator: machine", machine, "object");
  checkOptions("chooseAccelerator", options, {
    ...{ choice: "string", stateDirectory: "string", signal: "object", emit: "function" },
  });
  const { choice, emit } = options;
  const choose = (accelerator: Accelerator, reason: string): Accelerator => {
    emit({ type: "log", level: "info", text: `accelerator: ${accelerator} (${reason})` });
    return accelerator;
  };
  if (choice === "tcg") return choose("tcg", "requested");
  const foreign = process.arch !== machine.hostArch;
  if (choice !== "auto") {
    if (foreign) {
      throw new ObError("UNSUPPORTED", `${choice} cannot run an ${machine.arch} guest on this host.`, {
        data: { option: "accelerator" },
      });
    }
    return choose(choice, "requested");
  }
  const candidate = candidates[process.platform];
  if (foreign || candidate === undefined)
    return choose("tcg", `this host has no other accelerator for ${machine.arch}`);
  const device = await openDevice(candidate, options.kvmDevice ?? "/dev/kvm");
  if (typeof device === "string") return choose("tcg", device);
  const key = await probeKey(machine, { candidate, device: device.id, options });
  const known = await readCache(options.stateDirectory, key);
  if (known !== undefined) {
    return known.works
      ? choose(candidate, "verified earlier")
      : choose("tcg", `${known.why}, probed earlier`);
  }
  const result = await probe(machine, { accelerator: candidate, ...options });
  await writeCache(options.stateDirectory, { key, ...result, time: Date.now() });
  return result.works ? choose(candidate, "verified to run a guest") : choose("tcg", result.why);
}

/** The device's identity, or why it cannot be used. */
async function openDevice(candidate: Accelerator, path: string): Promise<{ readonly id: string } | string> {
  if (candidate !== "kvm") return { id: candidate };
  try {
    await access(path, constants.R_OK | constants.W_OK);
    const { rdev, ino } = await stat(path);
    return { id: `${rdev}:${ino}` };
  } catch {
    return `${path} is missing or cannot be opened`;
  }
}

async function probeKey(
  machine: Machine,
  about: { candidate: Accelerator; device: string; options: AcceleratorOptions },
): Promise<string> {
  const program = (await programIdentity(machine.binary)) ?? (await printedVersion(machine, about.options));
  const host = (await hostIdentity()) ?? process.version;
  return [machine.arch, about.candidate, program, host, about.device].join(" | ");
}

async function printedVersion(
  { binary }: Machine,
  { signal, emit }: Pick<AcceleratorOptions, "signal" | "emit">,
): Promise<string> {
  const { stdout } = await run([binary, "--version"], { signal, emit });
  return stdout.split("\n")[0] ?? "";
}

/** A probe that failed, perhaps on a host that was only busy, is repeated after this time, in milliseconds. */
const retryAfter = 3_600_000;

/** Only the last result is cached: a reboot of the host invalidates the older ones. */
const schema = v.object({ key: v.string(), works: v.boolean(), why: v.string(), time: v.number() });
type CachedProbe = v.InferOutput<typeof schema>;

async function readCache(stateDirectory: string, key: string): Promise<CachedProbe | undefined> {
  try {
    const cached = v.parse(schema, JSON.parse(await readFile(cacheFile(stateDirectory), "utf8")));
    const age = Date.now() - cached.time;
    // A time to come is that of a clock which was wrong.
    const isFresh = cached.works || (age >= 0 && age < retryAfter);
    return cached.key === key && isFresh ? cached : undefined;
  } catch {
    // Missing or invalid: the probe is repeated.
    return undefined;
  }
}

async function writeCache(stateDirectory: string, result: CachedProbe): Promise<void> {
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const file = cacheFile(stateDirectory);
  // Parallel builds may all have probed.
  const draft = await partialBeside(file);
  await writeFile(draft, `${JSON.stringify(result, null, 2)}\n`);
  await rename(draft, file);
}

function cacheFile(stateDirectory: string): string {
  return join(stateDirectory, "accelerator.json");
}
