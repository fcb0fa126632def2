import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { CampaignOptions, Outcome, Random } from "../campaign.ts";
import { openRealCluster, type RealCluster } from "../real/real-cluster.ts";
import type { RealCommand } from "../real/real-command.ts";
import { openRealStore, type RealStore } from "../real/real-store.ts";
import type { Ended } from "../real/run-command.ts";

/** How often each is killed, relative to the others; what removes the VM snapshots makes the next build slow. */
const kinds = [
  ...["build", "build", "build", "build", "output", "cp", "shell", "export"],
  ...["prune", "prune", "delete", "delete", "import", "import", "import", "prune-all", "worker"],
] as const;
type Kind = RealCommand | "worker";

/** Kills the real command, with real machines, at random moments; each time on what the last kill has left. */
export async function killRealCommands(options: CampaignOptions): Promise<Outcome> {
  const { random, signal, say } = options;
  await using store = await openRealStore();
  await using cluster = await openRealCluster(store);
  const times = await measure(store);
  const faults: string[] = [];
  const tally = new Map<Kind, { tried: number; killed: number }>();
  while (!signal.aborted) {
    const kind = pick<Kind>(kinds, random);
    const place = { kind, store, cluster, times };
    const { killAfter, isKilled, found } = await tryKill(place, random);
    const counts = tally.get(kind) ?? { tried: 0, killed: 0 };
    tally.set(kind, { tried: counts.tried + 1, killed: counts.killed + (isKilled ? 1 : 0) });
    const words = found.map((each) => `${kind}, killed after ${killAfter} ms: ${each}`);
    faults.push(...words);
    for (const each of words) say(each);
    say(summary(tally));
  }
  const { checkedLayers } = store;
  const total = sum(tally, "tried");
  return {
    figures: [
      ["commands", `${total}: ${namesOf(tally)}`],
      ["killed before their end", String(sum(tally, "killed"))],
      ["layers whose file system was checked", String(checkedLayers)],
    ],
    faults,
  };
}

/** How long each command took that was not killed, in milliseconds. */
type Times = Map<Kind, number>;
type Tally = ReadonlyMap<Kind, { readonly tried: number; readonly killed: number }>;

/** The first build takes longer: it makes the VM snapshots. */
async function measure(store: RealStore): Promise<Times> {
  const times: Times = new Map();
  for (const command of ["build", "build", "shell", "prune"] as const) {
    if (command === "build") await store.renew();
    const started = performance.now();
    const { status, text } = await store.run(command);
    if (status !== 0) throw new Error(`the ${command} without a kill fails: ${text}`);
    times.set(command, performance.now() - started);
  }
  const [build = 0, shell = 0, other = 0] = [times.get("build"), times.get("shell"), times.get("prune")];
  times
    .set("output", build + shell)
    .set("worker", 2 * build)
    .set("cp", shell);
  for (const command of ["prune-all", "delete", "import", "export"] as const) times.set(command, other);
  return times;
}

interface Kill {
  readonly killAfter: number;
  readonly isKilled: boolean;
  readonly found: readonly string[];
}

async function tryKill(
  {
    kind,
    store,
    cluster,
    times,
  }: {
    readonly kind: Kind;
    readonly store: RealStore;
    readonly cluster: RealCluster;
    readonly times: Times;
  },
  random: Random,
): Promise<Kill> {
  const most = times.get(kind) ?? 1000;
  const killAfter = uniformInt(random, 0, Math.ceil(most));
  await store.renew();
  if (kind === "worker") {
    const { ended, faults } = await cluster.killWorker(killAfter);
    return { killAfter, isKilled: true, found: [...faults, ...(await store.check("build", ended))] };
  }
  // What looks into a layer needs one.
  if (["cp", "shell", "export", "delete"].includes(kind)) await store.run("build");
  const started = performance.now();
  const ended = await store.run(kind, killAfter);
  const isKilled = ended.signal === "SIGKILL";
  // The host can have become slower, or faster.
  if (!isKilled) times.set(kind, (most + performance.now() - started) / 2);
  else if (killAfter > most * 0.8) times.set(kind, most * 1.2);
  return { killAfter, isKilled, found: [...wrongEnd(ended), ...(await store.check(kind, ended))] };
}

function wrongEnd({ status, signal, text }: Ended): readonly string[] {
  return status === 0 || signal === "SIGKILL" ? [] : [`it ended with ${status ?? signal}: ${text}`];
}

function summary(tally: Tally): string {
  return `${sum(tally, "tried")} commands, ${sum(tally, "killed")} killed: ${namesOf(tally)}`;
}

function namesOf(tally: Tally): string {
  return [...tally].map(([kind, { tried }]) => `${tried} ${kind}`).join(", ");
}

function sum(tally: Tally, key: "tried" | "killed"): number {
  return [...tally.values()].reduce((total, counts) => total + counts[key], 0);
}

function pick<T>(all: readonly T[], random: Random): T {
  const found = all[uniformInt(random, 0, all.length - 1)];
  if (found === undefined) throw new Error("nothing to choose from");
  return found;
}
