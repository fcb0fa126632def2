import { errorMessage, isObError, ObError } from "@ob/core";
import {
  hostName,
  queueOptions,
  readOptionFile,
  readQueue,
  readRegistry,
  registryOptions,
} from "../args/cluster-options.ts";
import { checkKey } from "../args/build-input.ts";
import { storeOptions, stringOption, stringOptions } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { parseCount } from "../args/units.ts";
import type { Command } from "./command.ts";

export const worker: Command = {
  description:
    "Builds for a cluster until it is stopped: takes work from a Redis server, and shares layers through a registry. Base images " +
    "that the store lacks are pulled. SIGTERM and Ctrl-C let the running steps finish; a second one ends them.",
  positionals: [],
  options: {
    ...queueOptions,
    ...registryOptions,
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

  async run(args, { services, io, location, flags, emit }) {
    const redis = await readQueue(args, io);
    const registry = readRegistry(args, io);
    const slots = parseCount(stringOption(args, "slots") ?? "1", "--slots", 1);
    const warm = readWarm(stringOption(args, "warm") ?? "0", slots);
    const name = stringOption(args, "name") ?? hostName();
    const key = stringOption(args, "pool-key");
    const identity = key === undefined ? undefined : privateKeyIn(await readOptionFile(key, "pool-key"));
    await checkKey(flags.sshKey);
    const cluster = await services.cluster();
    await using started = await cluster.startWorker({
      ...{ redis, registry, location, flags, emit, name, slots, warm, identity, signal: io.signal },
      pools: stringOptions(args, "pool"),
    });
    const { worker: running, pools } = started;
    io.stdout.write(
      `Worker ${name} is ready: ${pools.join(", ")}; ${slots === 1 ? "1 slot" : `${slots} slots`}\n`,
    );
    const stopped = Promise.withResolvers<void>();
    const onStop = () => stopped.resolve();
    io.signal.addEventListener("abort", onStop, { once: true });
    if (io.signal.aborted) onStop();
    await Promise.race([stopped.promise, running.drained]);
    if (io.signal.aborted) {
      io.stderr.write("Finishing what runs… (a second signal ends it at once)\n");
      await running.drain().catch((error: unknown) => {
        // Redis is away: others take over.
        if (isObError(error)) throw error;
        emit({ type: "log", level: "warning", text: errorMessage(error) });
      });
    }
    io.stdout.write(`Worker ${name} has ended\n`);
  },
};

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

/** The line with the key: there can be comments. */
function privateKeyIn(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.find((line) => line !== "" && !line.startsWith("#")) ?? "";
}
