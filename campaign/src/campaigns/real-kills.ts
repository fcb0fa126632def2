import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { CampaignOptions, Outcome, Random } from "../campaign.ts";
import { type Ended, openRealStore, type RealStore } from "../store/real-store.ts";

/** Kills the real command, with real machines, at random moments; each time on what the last kill has left. */
export async function killRealCommands({ random, until, say }: CampaignOptions): Promise<Outcome> {
  await using store = await openRealStore();
  // The first build takes longer: it makes the VM snapshots.
  await timeOf(store, "build");
  await store.run(["prune"]);
  const times = { build: await timeOf(store, "build"), other: await timeOf(store, "prune") };
  const faults: string[] = [];
  const counts = new Map<string, number>();
  let tried = 0;
  let killed = 0;
  while (performance.now() < until) {
    const command = pick(["build", "build", "build", "prune", "delete", "import"] as const, random);
    if (command === "build") await store.run(["prune"]);
    const most = command === "build" ? times.build : times.other;
    const killAfter = uniformInt(random, 0, Math.ceil(most));
    const ended = await store.run([command], killAfter);
    const found = [...wrongEnd(ended), ...(await store.check(ended))];
    faults.push(...found.map((each) => `${command}, killed after ${killAfter} ms: ${each}`));
    for (const each of found) say(each);
    tried += 1;
    counts.set(command, (counts.get(command) ?? 0) + 1);
    if (ended.signal === "SIGKILL") killed += 1;
    if (tried % 5 === 0) say(`${tried} commands, ${killed} killed`);
  }
  const kinds = [...counts].map(([command, count]) => `${count} ${command}`).join(", ");
  return {
    figures: [
      ["commands", `${tried}: ${kinds}`],
      ["killed before their end", String(killed)],
      ["layers whose file system was checked", String(store.checkedLayers)],
    ],
    faults,
  };
}

/** How long a command takes that is not killed, in milliseconds. */
async function timeOf(store: RealStore, command: "build" | "prune"): Promise<number> {
  const started = performance.now();
  const { status, text } = await store.run([command]);
  if (status !== 0) throw new Error(`the ${command} without a kill fails: ${text}`);
  return performance.now() - started;
}

function wrongEnd({ status, signal, text }: Ended): readonly string[] {
  return status === 0 || signal === "SIGKILL" ? [] : [`it ended with ${status ?? signal}: ${text}`];
}

function pick<T>(all: readonly T[], random: Random): T {
  const found = all[uniformInt(random, 0, all.length - 1)];
  if (found === undefined) throw new Error("nothing to choose from");
  return found;
}
