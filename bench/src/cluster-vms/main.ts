// npm run bench -- cluster-vms [NAME...] [--write]: a cluster of real virtual machines, in network namespaces. It needs root.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { keepResults, whereMeasured } from "../keep-results.ts";
import { findProgram } from "@ob/core";
import type { Bench } from "../bench.ts";
import { whyNoNetwork } from "../cluster-faults/network.ts";
import { checkImage, newStore } from "../fixtures.ts";
import { Results } from "../results.ts";
import { type Figure, figureTable, isMet } from "./figures.ts";
import { measureLiveLog } from "./live-log.ts";
import { measureMakespan } from "./makespan.ts";
import { measurePull } from "./pull.ts";
import { measureCancel, measureTakeover } from "./stop.ts";
import { VmCluster } from "./vm-cluster.ts";
import { measureWarm } from "./warm.ts";

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** In this order: each finds the workers as the one before it has left them. */
const parts = ["makespan", "cancel", "takeover", "log", "pull", "warm"] as const;
type Part = (typeof parts)[number];

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { write: { type: "boolean", default: false } },
  });
  const wanted = parts.filter((part) => positionals.length === 0 || positionals.includes(part));
  const unknown = positionals.find((name) => parts.every((part) => part !== name));
  if (unknown !== undefined) {
    say(`There is no ${unknown}. There are: ${parts.join(", ")}.`);
    return 2;
  }
  const why = (await whyNoNetwork()) ?? (await whyNoServers());
  if (why !== undefined) {
    say(`Nothing is measured: ${why}.`);
    return 2;
  }
  const cancelled = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => cancelled.abort(new Error("cancelled")));
  }
  const figures = await measure(wanted, cancelled.signal).catch((error: unknown) => {
    if (!cancelled.signal.aborted) throw error;
    return undefined;
  });
  if (!figures) {
    say("Cancelled.");
    return 130;
  }
  const words = process.argv.slice(2).filter((word) => word !== "--write");
  const command = ["npm run bench -- cluster-vms", ...words].join(" ");
  const text = `${whereMeasured(`\`${command}\``, ", software emulation")}\n\n${figureTable(figures)}`;
  process.stdout.write(`\n${text}\n`);
  if (values.write) {
    await keepResults("cluster-vms", text);
    say("The results are in bench/README.md.");
  }
  return figures.every(isMet) ? 0 : 1;
}

async function whyNoServers(): Promise<string | undefined> {
  for (const program of ["redis-server", "docker-registry"]) {
    if ((await findProgram(program)) === undefined) return `${program} is not installed`;
  }
  return undefined;
}

async function measure(wanted: readonly Part[], signal: AbortSignal): Promise<readonly Figure[]> {
  const repository = path.resolve(import.meta.dirname, "../../..");
  const parent = path.join(repository, ".obuilder");
  await mkdir(parent, { recursive: true });
  const imageStore = process.env["OB_BENCH_STORE"] ?? path.join(parent, "store");
  await checkImage(imageStore);
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(parent, "bench-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const bench: Bench = { quick: false, directory, imageStore, results: new Results(), say };
  const cluster = stack.use(await VmCluster.start(bench, { machines: 3, signal }));
  await cluster.pushImage(imageStore);
  const stores = [await newStore(bench), await newStore(bench)];
  for (const [index, store] of stores.entries()) await cluster.startWorker(index, { store });
  const figures: Figure[] = [];
  const workers = () => stores.map((_, index) => cluster.worker(`w${index}`));
  const measurements: Record<Part, () => Promise<readonly Figure[]>> = {
    makespan: async () => await measureMakespan(cluster),
    cancel: async () => await measureCancel(cluster, 3),
    takeover: async () => await measureTakeover(cluster, 3),
    log: async () => await measureLiveLog(cluster),
    pull: async () =>
      await measurePull(cluster, workers(), { index: 2, store: path.join(directory, "empty") }),
    warm: async () => await measureWarm(cluster, { index: 2, store: await newStore(bench), rounds: 4 }),
  };
  for (const part of wanted) {
    say(`${part}…`);
    if (part === "warm") await stopAll(cluster, stores.length);
    figures.push(...(await measurements[part]()));
  }
  return figures;
}

/** The workers that are left: what is to be built would be theirs as well. */
async function stopAll(cluster: VmCluster, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const worker = cluster.find(`w${index}`);
    if (worker) await cluster.stopWorker(worker, "SIGTERM");
  }
}

process.exitCode = await main();
