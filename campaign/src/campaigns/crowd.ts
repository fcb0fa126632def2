import path from "node:path";
import { type LayerId } from "@ob/core";
import { openStore } from "@ob/store-qcow";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { Campaign, CampaignOptions, Outcome, Random } from "../campaign.ts";
import { checkStore } from "../store/check-store.ts";
import { copyStore, makeReference, type Reference } from "../store/reference.ts";
import { runWork, type WorkResult } from "../store/run-work.ts";

/** How many processes work on the store at a time. */
const workers = 8;

/** How many times as long as one build alone, times the number of processes, a command may take before it counts as a deadlock. */
const slack = 20;

/** The names that are given to layers and taken away again; `kept` is not taken away in the first half. */
const names = ["a", "b", "c"] as const;
const kept = "kept";

/** Processes that build, delete, prune, give layers names and are killed, all on one store. */
export const crowd: Campaign = {
  name: "crowd",
  async run(options) {
    await using reference = await makeReference();
    const directory = path.join(reference.directory, "store");
    // All layers are there, and one of them has a name that protects it, with its base, in the first half.
    await copyStore(reference.full, directory);
    const protectedLayer = leafOf(reference);
    await namingOf(directory, ["tag", kept, protectedLayer]);
    const half = performance.now() + options.duration / 2;
    const first = await workTogether(directory, { ...options, reference, until: half });
    const faults = await lostName(directory, protectedLayer);
    await namingOf(directory, ["untag", kept]);
    const second = await workTogether(directory, { ...options, reference, until: Infinity });
    const outcome = await judge(directory, { results: [...first, ...second], reference });
    return { ...outcome, faults: [...faults, ...outcome.faults] };
  },
};

interface WorkOptions extends CampaignOptions {
  readonly reference: Reference;
  /** On the clock of `performance.now()`. */
  readonly until: number;
}

async function workTogether(directory: string, options: WorkOptions): Promise<readonly WorkResult[]> {
  const all = await Promise.all(Array.from({ length: workers }, () => workUntil(directory, options)));
  return all.flat();
}

async function namingOf(directory: string, words: readonly string[]): Promise<void> {
  const { status, error, complaint } = await runWork(directory, words, { timeLimit: 600_000 });
  if (status !== 0) throw new Error(`${words.join(" ")}: ${error ?? complaint}`);
}

function leafOf({ parents }: Reference): LayerId {
  const bases = new Set(parents.values());
  const leaf = [...parents.keys()].find((id) => !bases.has(id));
  if (leaf === undefined) throw new Error("the reference has no layers");
  return leaf;
}

async function lostName(directory: string, id: LayerId): Promise<readonly string[]> {
  await using store = await openStore({ directory });
  const tag = store.tags().find(({ name }) => name === kept);
  return tag?.id === id ? [] : [`the layer ${id} is gone, or its name, although nobody took that away`];
}

async function workUntil(
  directory: string,
  { reference, random, signal, until, say }: WorkOptions,
): Promise<readonly WorkResult[]> {
  const results: WorkResult[] = [];
  const ids = [...reference.parents.keys()];
  while (!signal.aborted && performance.now() < until) {
    const removals = [["prune"], ["delete", pick(ids, random)]];
    const namings = [
      ["tag", pick(names, random), pick(ids, random)],
      ["untag", pick(names, random)],
    ];
    const words = pick([["build"], ["build"], ["build"], ...removals, pick(namings, random)], random);
    const isKilled = uniformInt(random, 0, 3) === 0;
    const killAfter = isKilled ? uniformInt(random, 0, Math.ceil(reference.buildTime * 3)) : undefined;
    const timeLimit = 30_000 + slack * workers * reference.buildTime;
    results.push(await runWork(directory, words, { killAfter, timeLimit }));
    if (results.length % 20 === 0) say(`${results.length} commands of one process`);
  }
  return results;
}

async function judge(
  directory: string,
  { results, reference }: { results: readonly WorkResult[]; reference: Reference },
): Promise<Outcome> {
  const faults = results.flatMap(({ status, signal, error, complaint }) => {
    if (status === 0 || signal === "SIGKILL") return [];
    // A layer that a build uses is not deleted; one that another process has deleted is not there.
    if (error !== undefined && /^(LAYER_BUSY|NO_SUCH_LAYER) /.test(error)) return [];
    return [`a command ended with ${status ?? signal}: ${error ?? complaint}`];
  });
  const nothing = {
    saved: [],
    gone: [],
    removes: true,
    error: undefined,
    status: 0,
    signal: null,
    complaint: "",
  };
  const timeLimit = 30_000 + slack * reference.buildTime;
  faults.push(
    ...(await checkStore(directory, {
      before: { layers: new Set(), result: nothing },
      reference,
      timeLimit,
    })),
    ...builtTwice(results),
  );
  const killed = results.filter(({ signal }) => signal === "SIGKILL").length;
  const saved = results.flatMap((result) => result.saved).length;
  return {
    figures: [
      ["commands", String(results.length)],
      ["killed", String(killed)],
      ["layers made", String(saved)],
    ],
    faults,
  };
}

/** A layer that is made once more must have been deleted before, by a process that said so or was killed while it deleted. */
function builtTwice(results: readonly WorkResult[]): readonly string[] {
  const hidden = results.filter(({ removes, signal }) => removes && signal === "SIGKILL").length;
  const count = (ids: readonly string[]) => Map.groupBy(ids, (id) => id);
  const gone = count(results.flatMap((result) => result.gone));
  return [...count(results.flatMap((result) => result.saved))].flatMap(([id, times]) => {
    // All are there at the beginning.
    const allowed = (gone.get(id)?.length ?? 0) + hidden;
    return times.length > allowed
      ? [`${id} was made ${times.length} times, and deleted ${allowed} times`]
      : [];
  });
}

function pick<T>(all: readonly T[], random: Random): T {
  const found = all[uniformInt(random, 0, all.length - 1)];
  if (found === undefined) throw new Error("nothing to choose from");
  return found;
}
