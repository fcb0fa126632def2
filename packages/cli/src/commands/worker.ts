import type { ClusterWorker } from "@ob/cluster";
import { type Emit, errorMessage, firstError, isObError, ObError } from "@ob/core";
import {
  contextRegistryOptions,
  findContextRegistry,
  hostName,
  queueOptions,
  readOptionFile,
  readQueue,
  readRegistry,
  registryOptions,
} from "../args/cluster-options.ts";
import { checkKey } from "../args/build-input.ts";
import { type Arguments, storeOptions, stringOption, stringOptions } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { parseCount } from "../args/units.ts";
import { readWatchSettings, watchOptions } from "../args/watch-options.ts";
import { openWatching, type Watching } from "../watch/open-watching.ts";
import type { ServiceManager } from "../watch/service-manager.ts";
import type { ProcessIo } from "../process-io.ts";
import { exitCodeFor, exitCodes } from "../exit-codes.ts";
import { colorsFor } from "../output/colors.ts";
import { endingOf } from "../output/ending.ts";
import { renderError } from "../output/render-error.ts";
import type { Command } from "./command.ts";
import type { Session } from "./session.ts";

export const worker: Command = {
  description:
    "Builds for a cluster until it is stopped: takes work from a Redis server, and shares layers through a registry. Base images " +
    "that the store lacks are pulled. SIGTERM and Ctrl-C let the running steps finish; a second one ends them.",
  positionals: [],
  options: {
    ...queueOptions,
    ...registryOptions,
    ...contextRegistryOptions,
    ...storeOptions,
    slots: {
      kind: "value",
      value: "N",
      describe: "Virtual machines at a time (default 1)",
      group: "Cluster:",
    },
    warm: {
      kind: "value",
      value: "N",
      describe: "Virtual machines to keep ready in free slots, for first steps on base images (default 0)",
      group: "Cluster:",
    },
    name: {
      kind: "value",
      value: "NAME",
      describe: "Its name in the cluster (default: the host's)",
      group: "Cluster:",
    },
    pool: {
      kind: "values",
      value: "POOL",
      describe:
        "A pool to build for; can be repeated (default: OS-ARCH-ACCELERATOR-MEMORY of the VM options)",
      group: "Cluster:",
    },
    "pool-key": {
      kind: "value",
      value: "FILE",
      describe: "The private key of its pools, from `cluster key`; opens the secrets of builds",
      group: "Cluster:",
    },
    ...watchOptions,
    ...sandboxOptions,
  },
  examples: [
    [
      "obuilder worker --queue rediss://queue.example --registry reg.example/ob --store qemu:/var/lib/obuilder --slots 4",
      "four virtual machines at a time",
    ],
    ["obuilder worker ... --slots 4 --warm 2", "two machines are ready for first steps while slots are free"],
    ["obuilder worker ... --pool linux-amd64-kvm-8g --qemu-memory 8", "for builds that need much memory"],
  ],

  async run(args, session) {
    const { logFormat } = readWatchSettings(args);
    try {
      return await runWorker(args, session);
    } catch (thrown) {
      if (logFormat !== "json") throw thrown;
      const { createJsonLog } = await import("../watch/json-log.ts");
      const { io, verbosity } = session;
      const { error, exitCode } = endingOf(firstError(thrown), io.interruptedBy());
      createJsonLog({ stdout: io.stdout, worker: nameOf(args), verbosity }).fail(error);
      return exitCode;
    }
  },
};

async function runWorker(args: Arguments, session: Session): Promise<number> {
  const { services, io, verbosity, location, flags, emit: emitText } = session;
  const redis = await readQueue(args, io);
  const registry = readRegistry(args, io);
  const contextRegistry = findContextRegistry(args, io);
  const slots = parseCount(stringOption(args, "slots") ?? "1", "--slots", 1);
  const warm = readWarm(stringOption(args, "warm") ?? "0", slots);
  const name = nameOf(args);
  const key = stringOption(args, "pool-key");
  const identity = key === undefined ? undefined : privateKeyIn(await readOptionFile(key, "pool-key"));
  const settings = readWatchSettings(args);
  await checkKey(flags.sshKey);
  await using watching = await openWatching({ settings, io, verbosity, name, emit: emitText });
  const { emit, watches, onTransfer } = watching;
  const cluster = await services.cluster();
  await using started = await cluster.startWorker({
    ...{ redis, registry, contextRegistry, location, flags, emit, name, slots, warm, identity },
    signal: io.signal,
    ...{ pools: stringOptions(args, "pool"), watches, onTransfer },
  });
  watching.onStarted(started);
  const { worker: running, pools } = started;
  sayReady({ name, pools, slots }, { io, watching });
  await using manager = await serviceManager(io, emit);
  manager?.ready(`${name} builds for ${pools.join(", ")}`);
  const stopped = Promise.withResolvers<void>();
  const onStop = () => stopped.resolve();
  io.signal.addEventListener("abort", onStop, { once: true });
  if (io.signal.aborted) onStop();
  await Promise.race([stopped.promise, running.drained]);
  manager?.stopping("Finishing what runs");
  const failure = io.signal.aborted ? await drain(running, { io, watching }) : undefined;
  if (failure) return sayFailed(failure, { session, watching });
  if (watching.log) watching.log.note("ended");
  else io.stdout.write(`Worker ${name} has ended\n`);
  return exitCodes.ok;
}

/** Loaded only where one asks to be told. */
async function serviceManager({ env }: ProcessIo, emit: Emit): Promise<ServiceManager | undefined> {
  if (env["NOTIFY_SOCKET"] === undefined) return undefined;
  const { openServiceManager } = await import("../watch/service-manager.ts");
  return openServiceManager(env, emit);
}

interface Ending {
  readonly io: ProcessIo;
  readonly watching: Watching;
}

/** @returns the error of a worker that could not finish what it had. */
async function drain(running: ClusterWorker, { io, watching }: Ending): Promise<ObError | undefined> {
  if (watching.log) watching.log.note("draining");
  else io.stderr.write("Finishing what runs… (a second signal ends it at once)\n");
  try {
    await running.drain();
    return undefined;
  } catch (error) {
    if (isObError(error)) return error;
    watching.emit({ type: "log", level: "warning", text: errorMessage(error) });
    return undefined;
  }
}

/** Says why it has failed: the signal that ended it does not. @returns the exit code. */
function sayFailed(
  error: ObError,
  { session, watching }: { readonly session: Session; readonly watching: Watching },
): number {
  const { io, color: mode } = session;
  const colors = colorsFor(io.stderr, { mode, env: io.env });
  if (watching.log) watching.log.fail(error);
  else io.stderr.write(renderError(error, { colors, verbose: false }));
  return exitCodeFor(error.code);
}

function nameOf(args: Arguments): string {
  return stringOption(args, "name") ?? hostName();
}

/** They are in slots that are free: more than there are slots would never be kept. */
function readWarm(text: string, slots: number): number {
  const warm = parseCount(text, "--warm", 0);
  if (warm <= slots) return warm;
  throw new ObError(
    "USAGE",
    `--warm ${warm} is more than the ${slots === 1 ? "1 slot" : `${slots} slots`} of --slots.`,
    {
      hint: "A virtual machine that is kept ready takes the memory of a slot that is free.",
    },
  );
}

interface ReadyWorker {
  readonly name: string;
  readonly pools: readonly string[];
  readonly slots: number;
}

function sayReady(
  { name, pools, slots }: ReadyWorker,
  { io, watching }: { readonly io: ProcessIo; readonly watching: Watching },
): void {
  const { log, url } = watching;
  if (log) return log.note("ready", { pools, slots, url });
  const slotCount = slots === 1 ? "1 slot" : `${slots} slots`;
  io.stdout.write(`Worker ${name} is ready: ${pools.join(", ")}; ${slotCount}\n`);
  if (url === undefined) return;
  const board = watching.hasBoard ? ` and ${url}/board/` : "";
  io.stdout.write(`It is watched at ${url}${board}\n`);
}

/** The line with the key: there can be comments. */
function privateKeyIn(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.find((line) => line !== "" && !line.startsWith("#")) ?? "";
}
