import * as fc from "fast-check";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { Campaign, CampaignOptions, Outcome, Random } from "../campaign.ts";
import { openFileTargets } from "../fuzz/file-targets.ts";
import { streamTargets } from "../fuzz/stream-targets.ts";
import type { Target } from "../fuzz/target.ts";
import { textTargets } from "../fuzz/text-targets.ts";

/** How many inputs each target gets in the whole campaign. */
const wanted = 1_000_000;
/** How many it gets in its turn. */
const turn = 2_000;
/** How long one turn may take at most, in milliseconds: an input that takes longer is one that hangs. */
const longest = 300_000;

/** Inputs that are nearly right, for all that reads what others have made. */
export const fuzz: Campaign = {
  name: "fuzz",
  async run({ random, until, say, part }: CampaignOptions): Promise<Outcome> {
    await using files = await openFileTargets();
    const all = [...textTargets, ...streamTargets, ...files.targets];
    const chosen = all.filter(({ name }) => part === undefined || name === part);
    if (chosen.length === 0) throw new Error(`There are ${all.map(({ name }) => name).join(", ")}.`);
    const counts = new Map(chosen.map(({ name }) => [name, 0]));
    const faults: string[] = [];
    let waiting = chosen;
    while (waiting.length > 0 && performance.now() < until) {
      for (const each of waiting) {
        const { tried, fault } = await takeTurn(each, random);
        counts.set(each.name, (counts.get(each.name) ?? 0) + tried);
        if (fault === undefined) continue;
        faults.push(`${each.name}: ${fault}`);
        say(faults.at(-1) ?? "");
        waiting = waiting.filter((other) => other !== each);
      }
      waiting = waiting.filter(({ name }) => (counts.get(name) ?? 0) < wanted);
      say([...counts.values()].join(" "));
    }
    return { figures: [...counts].map(([name, count]) => [name, String(count)]), faults };
  },
};

/** @returns what went wrong, with the smallest input that shows it. */
export async function takeTurn(
  { property }: Target,
  random: Random,
  numRuns = turn,
): Promise<{ readonly tried: number; readonly fault: string | undefined }> {
  const started = performance.now();
  const seed = uniformInt(random, 0, 0x7fff_ffff);
  const result = await fc.check(property, { numRuns, seed });
  const took = performance.now() - started;
  const slow = took > longest ? `${numRuns} inputs took ${Math.round(took / 1000)} s` : undefined;
  if (!result.failed) return { tried: result.numRuns, fault: slow };
  const [input] = result.counterexample === null ? [] : [fc.stringify(result.counterexample)];
  const words =
    result.errorInstance instanceof Error ? (result.errorInstance.stack ?? "") : String(result.errorInstance);
  return { tried: result.numRuns, fault: `${words.split("\n").slice(0, 4).join(" ")}; input ${input}` };
}
