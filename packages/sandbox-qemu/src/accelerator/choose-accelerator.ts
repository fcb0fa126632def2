import { randomUUID } from "node:crypto";
import { access, constants, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Emit, ObError, run } from "@ob/core";
import * as v from "valibot";
import type { Accelerator, Machine } from "../machine/machine.ts";
import { hostIdentity } from "../vm/process-identity.ts";
import { probe } from "./probe.ts";

export type AcceleratorChoice = "auto" | Accelerator;

export interface AcceleratorOptions {
  readonly choice: AcceleratorChoice;
  /** Where the result of a proof is remembered. */
  readonly stateDirectory: string;
  /** By default `/dev/kvm`. */
  readonly kvmDevice?: string | undefined;
  /** As `ProbeOptions.timeoutMs`. */
  readonly timeoutMs?: number | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** What can be faster than emulation, by the host's system. */
const candidates: Partial<Record<NodeJS.Platform, Exclude<Accelerator, "tcg">>> = {
  linux: "kvm",
  darwin: "hvf",
};

/**
 * The accelerator to run a machine with. `auto` proves that it runs a guest: that its device opens says nothing, it
 * can hang the first guest for ever. A proof holds for one QEMU, one start of the host and one device.
 *
 * @throws ObError `MISSING_TOOL`, `CANCELLED`; `UNSUPPORTED` if one was demanded that cannot run this machine.
 */
export async function chooseAccelerator(machine: Machine, options: AcceleratorOptions): Promise<Accelerator> {
  const { choice, emit } = options;
  const say = (accelerator: Accelerator, why: string): Accelerator => {
    emit({ type: "log", level: "info", text: `accelerator: ${accelerator} (${why})` });
    return accelerator;
  };
  if (choice === "tcg") return say("tcg", "as demanded");
  const foreign = process.arch !== machine.hostArch;
  if (choice !== "auto") {
    if (foreign) {
      throw new ObError("UNSUPPORTED", `${choice} cannot run an ${machine.arch} guest on this host.`, {
        hint: "Use --qemu-accel=auto or tcg.",
      });
    }
    return say(choice, "as demanded");
  }
  const candidate = candidates[process.platform];
  if (foreign || candidate === undefined) return say("tcg", `this host cannot run ${machine.arch} otherwise`);
  const device = await openDevice(candidate, options.kvmDevice ?? "/dev/kvm");
  if (typeof device === "string") return say("tcg", device);
  const key = await probeKey(machine, { candidate, device: device.id, options });
  const known = await readCache(options.stateDirectory, key);
  if (known !== undefined) {
    return known.works ? say(candidate, "proven before") : say("tcg", `${known.why}, as found before`);
  }
  const proof = await probe(machine, { accelerator: candidate, ...options });
  await writeCache(options.stateDirectory, { key, ...proof, time: Date.now() });
  return proof.works ? say(candidate, "proven to run a guest") : say("tcg", proof.why);
}

/** The device's identity, or why it cannot be used. */
async function openDevice(candidate: Accelerator, path: string): Promise<{ readonly id: string } | string> {
  if (candidate !== "kvm") return { id: candidate };
  try {
    await access(path, constants.R_OK | constants.W_OK);
    const { rdev, ino } = await stat(path);
    return { id: `${rdev}:${ino}` };
  } catch {
    return `${path} is missing or may not be opened`;
  }
}

async function probeKey(
  machine: Machine,
  about: { candidate: Accelerator; device: string; options: AcceleratorOptions },
): Promise<string> {
  const { signal, emit } = about.options;
  const { stdout } = await run([machine.binary, "--version"], { signal, emit });
  const host = (await hostIdentity()) ?? process.version;
  return [machine.arch, about.candidate, stdout.split("\n")[0], host, about.device].join(" | ");
}

/** A host that was merely too busy must not be slow for good: a failure is looked at again after this, in ms. */
const retryAfter = 3_600_000;

/** One proof is remembered, not one for each key: a new start of the host makes the old one void. */
const schema = v.object({ key: v.string(), works: v.boolean(), why: v.string(), time: v.number() });
type CachedProbe = v.InferOutput<typeof schema>;

async function readCache(stateDirectory: string, key: string): Promise<CachedProbe | undefined> {
  try {
    const remembered = v.parse(schema, JSON.parse(await readFile(fileOf(stateDirectory), "utf8")));
    const fresh = remembered.works || Date.now() - remembered.time < retryAfter;
    return remembered.key === key && fresh ? remembered : undefined;
  } catch {
    // None, or not ours: the proof is made again.
    return undefined;
  }
}

async function writeCache(stateDirectory: string, proof: CachedProbe): Promise<void> {
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const file = fileOf(stateDirectory);
  // Builds side by side may each have proven it.
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(proof, null, 2)}\n`);
  await rename(draft, file);
}

function fileOf(stateDirectory: string): string {
  return join(stateDirectory, "accelerator.json");
}
