import { setImmediate as otherWork } from "node:timers/promises";
import * as fc from "fast-check";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { Campaign, CampaignOptions, Outcome, Random } from "../campaign.ts";
import type { Target } from "../fuzz/target.ts";
import { openTargets } from "../fuzz/targets.ts";

/** How many inputs a target gets in the whole campaign. */
const million = 1_000_000;
/** How many it gets in its turn. */
const turn = 2_000;
/** How much CPU one turn may take at most, in milliseconds, whatever else the host does: more is an input that takes without end. */
const longest = 120_000;
/** How much memory may be in use after a turn, in bytes. */
const mostMemory = 2 ** 30;

/** How much of an input is shown, in characters. */
const longestInput = 2_000;

/** Inputs that are nearly right, for all that reads what others have made. */
export const fuzz: Campaign = {
  name: "fuzz",
  async run({ random, signal, say, part }: CampaignOptions): Promise<Outcome> {
    await using open = await openTargets();
    const all = open.targets;
    const chosen = all.filter(({ name }) => part === undefined || name === part);
    if (chosen.length === 0) throw new Error(`There are ${all.map(({ name }) => name).join(", ")}.`);
    const counts = new Map(chosen.map((each) => [each, { tried: 0, read: 0, milliseconds: 0 }]));
    const faults: string[] = [];
    let waiting = chosen;
    while (waiting.length > 0 && !signal.aborted) {
      for (const each of waiting) {
        const count = counts.get(each);
        if (count === undefined || signal.aborted) continue;
        const { tried, read, milliseconds, fault } = await takeTurn(each, random);
        count.tried += tried;
        count.read += read;
        count.milliseconds += milliseconds;
        say(`${each.name}: ${count.tried} tried, ${count.read} read, ${Math.round(count.milliseconds)} ms`);
        if (fault === undefined) continue;
        faults.push(`${each.name}: ${fault}`);
        say(faults.at(-1) ?? "");
        waiting = waiting.filter((other) => other !== each);
      }
      waiting = waiting.filter((each) => (counts.get(each)?.tried ?? 0) < (each.wanted ?? million));
    }
    const figures = [...counts].map(([{ name }, { tried, read, milliseconds }]) => {
      const share = Math.round((100 * read) / Math.max(tried, 1));
      const each = Math.round((1000 * milliseconds) / Math.max(tried, 1));
      return [name, `${tried}, ${share} % read, ${each} µs each`] as const;
    });
    return { figures, faults };
  },
};

export interface Turn {
  readonly tried: number;
  /** How many inputs were taken, and not refused. */
  readonly read: number;
  /** Of this process' CPU. */
  readonly milliseconds: number;
  readonly fault: string | undefined;
}

/** @returns what went wrong, with the smallest input that shows it. */
export async function takeTurn(target: Target, random: Random, numRuns = turn): Promise<Turn> {
  const usage = process.cpuUsage();
  let read = 0;
  const seed = uniformInt(random, 0, 0x7fff_ffff);
  const result = await fc.check(
    target.property(() => {
      read += 1;
    }),
    { numRuns, seed },
  );
  // What the streams of a turn have put off is done, and their memory is free.
  await otherWork();
  const { user, system } = process.cpuUsage(usage);
  const milliseconds = (user + system) / 1000;
  const done = { tried: result.numRuns, read, milliseconds };
  if (result.failed) return { ...done, fault: wordsOf(result) };
  const memory = process.memoryUsage.rss();
  if (memory > mostMemory) return { ...done, fault: `${memory} bytes of memory are in use` };
  const fault =
    milliseconds > longest ? `${numRuns} inputs took ${Math.round(milliseconds / 1000)} s` : undefined;
  return { ...done, fault };
}

function wordsOf({ counterexample, errorInstance }: fc.RunDetails<unknown>): string {
  // A disk has as many numbers as bytes: those at its beginning say what it is.
  const input = counterexample === null ? "" : fc.stringify(counterexample).slice(0, longestInput);
  const words = errorInstance instanceof Error ? (errorInstance.stack ?? "") : String(errorInstance);
  return `${words.split("\n").slice(0, 4).join(" ")}; input ${input}`;
}
