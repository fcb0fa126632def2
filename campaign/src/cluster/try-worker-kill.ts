import { rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectRedis } from "@ob/cluster";
import { disposableWith, type LayerId, layerId, storeLayout } from "@ob/core";
import { openRegistry, type Registry } from "@ob/registry";
import { FakeRegistry } from "@ob/registry/testing";
import type { FaultTrials } from "../campaigns/fault-trials.ts";
import { countedCalls, type Fault, faultEnvironment } from "../faults.ts";
import { checkStore, type LookAtDisk } from "../store/check-store.ts";
import { lookingOnce } from "../store/looked-at.ts";
import { processesOn } from "../store/processes.ts";
import { copyStore, makeReference, type Reference } from "../store/reference.ts";
import { runWorkHere } from "../store/run-work.ts";
import { baseName } from "../store/spec.ts";
import { startRedis } from "../store/start-redis.ts";
import type { TrialResult } from "../store/try-fault.ts";
import { submitSpec } from "./submit.ts";
import { startWorker } from "./worker-process.ts";

/** Who goes on when a worker is killed: it is started again on its store, or another machine's takes over. */
type Successor = "itself" | "another";

/** A build of a cluster waits for claims of the dead to expire; then it takes as long as another. In milliseconds. */
const patience = 60_000;
const slack = 40;

/** How many are tried at a time: most of the time they wait for claims to expire. */
const slots = 8;

interface Place {
  readonly reference: Reference;
  readonly library: string;
  /** The socket of a Redis for each slot. */
  readonly sockets: readonly string[];
  readonly host: string;
  readonly lookAtDisk: LookAtDisk;
}

/** A worker with a real Redis, a registry and a scripted guest is killed; another one goes on. */
export async function openClusterTrials(library: string): Promise<FaultTrials> {
  await using stack = new AsyncDisposableStack();
  const reference = stack.use(await makeReference());
  const sockets: string[] = [];
  while (sockets.length < slots) sockets.push(stack.use(await startRedis()).socket);
  const { host } = stack.use(await FakeRegistry.start());
  const place = { reference, library, sockets, host, lookAtDisk: lookingOnce() };
  let count = 0;
  const trials = (["itself", "another"] as const).map((successor) => ({
    name: `worker, after which ${successor === "itself" ? "it is started again" : "another takes over"}`,
    tryFault: async (fault: Fault, slot: number) =>
      await tryWorkerKill(fault, { place, slot, successor, trial: (count += 1) }),
  }));
  return disposableWith({ trials, slots }, stack);
}

interface WorkerKill {
  readonly place: Place;
  readonly slot: number;
  readonly successor: Successor;
  /** A number that no other has. */
  readonly trial: number;
}

async function tryWorkerKill(
  fault: Fault,
  { place, slot, successor, trial }: WorkerKill,
): Promise<TrialResult> {
  const { reference, library, sockets, host, lookAtDisk } = place;
  const socket = sockets[slot] ?? "";
  const at = (name: string): string => path.join(reference.directory, `${name}-${slot}`);
  const [first, second] = [at("first"), successor === "itself" ? at("first") : at("second")];
  for (const store of [at("first"), at("second")]) {
    await rm(store, { recursive: true, force: true });
    await copyStore(reference.empty, store);
  }
  const ref = `${host}/trial-${trial}`;
  await pushImage(reference, ref);
  const environment = await faultEnvironment(fault, { library, state: at("calls"), directory: first });
  const redis = await connectRedis({ url: socket }, "client");
  try {
    await redis.flushall();
    await using registry = openRegistry({ ref });
    await using killed = startWorker([first, socket, ref, "first"], environment);
    const built = submitSpec(redis, registry);
    await Promise.race([killed.ended, built]);
    const calls = await countedCalls(at("calls"));
    const left = killed.isKilled() ? await processesOn(first, { patience: 3000 }) : [];
    const before = { saved: [...killed.saved], published: await publishedLayers(redis) };
    await using next = startWorker([second, socket, ref, successor === "itself" ? "first" : "second"], {});
    const timeLimit = patience + slack * reference.buildTime;
    const outcome = await Promise.race([
      built,
      delay(timeLimit, { error: "it does not end" }, { ref: false }),
    ]);
    const faults = left.map((each) => `a process is left: ${each}`);
    if ("error" in outcome) faults.push(`the build fails: ${outcome.error}`);
    for (const worker of [killed, next]) faults.push(...(await worker.drain()));
    faults.push(...madeTwice(before, next.saved, successor), ...(await differentDisks(registry, reference)));
    for (const store of new Set([first, second])) {
      const { saved } = store === second ? next : before;
      faults.push(...(await checkWorkersStore(store, { saved, reference, timeLimit, lookAtDisk })));
    }
    return { calls, faults };
  } finally {
    redis.disconnect();
  }
}

/** What was said to be saved when a worker died, and what others could have by then. */
interface Before {
  readonly saved: readonly LayerId[];
  readonly published: readonly LayerId[];
}

async function publishedLayers(redis: Awaited<ReturnType<typeof connectRedis>>): Promise<readonly LayerId[]> {
  const keys = await redis.keys("ob:1:layer:*");
  const states = await Promise.all(keys.map(async (key) => await redis.hget(key, "state")));
  return keys.flatMap((key, at) => (states[at] === "published" ? [layerId(key.split(":")[3] ?? "")] : []));
}

/** The base image as a cluster has it: with a manifest. */
async function pushImage({ empty }: Reference, ref: string): Promise<void> {
  const disk = path.join(storeLayout(empty).baseImages, `${baseName}.qcow2`);
  const manifest = { version: 2, name: baseName, guestOs: "linux", guestArch: "amd64", loginUser: "opam" };
  await using registry = openRegistry({ ref });
  await registry.pushImage({ tag: baseName, disk, files: {}, manifest: JSON.stringify(manifest) });
}

/** No layer is made again that its maker still has, or that others can have. */
function madeTwice(before: Before, again: readonly LayerId[], successor: Successor): readonly string[] {
  const kept = successor === "itself" ? [...before.saved, ...before.published] : before.published;
  return again.filter((id) => kept.includes(id)).map((id) => `${id} was made again`);
}

/** All layers are in the registry, and each is on the same version of its parent as all others. */
async function differentDisks(registry: Registry, { patterns }: Reference): Promise<readonly string[]> {
  const faults: string[] = [];
  const disks = new Map<LayerId, string>();
  for (const id of patterns.keys()) {
    const layer = await registry.findLayer(id);
    if (!layer) faults.push(`the registry does not have ${id}`);
    for (const { id: each, content } of layer?.chain ?? []) {
      const known = disks.get(each) ?? content.digest;
      disks.set(each, known);
      if (known !== content.digest) faults.push(`the chain of ${id} has another version of ${each}`);
    }
  }
  return faults;
}

async function checkWorkersStore(
  directory: string,
  {
    saved,
    ...options
  }: {
    readonly saved: readonly LayerId[];
    readonly reference: Reference;
    readonly timeLimit: number;
    readonly lookAtDisk: LookAtDisk;
  },
): Promise<readonly string[]> {
  const ended = { gone: [], removes: false, error: undefined, status: 0, signal: null, complaint: "" };
  const before = { layers: new Set<LayerId>(), result: { ...ended, saved } };
  const faults = await checkStore(directory, { ...options, before, work: runWorkHere });
  return faults.map((fault) => `${path.basename(directory)}: ${fault}`);
}
