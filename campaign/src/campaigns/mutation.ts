import type { Campaign, Outcome } from "../campaign.ts";
import { lowestScore, parts } from "../mutation/parts.ts";

/** Changes the code in small ways: its tests must notice. */
export const mutation: Campaign = {
  name: "mutation",
  async run({ signal, say, part: only }): Promise<Outcome> {
    // It is large, and no other campaign uses it.
    const { runPart } = await import("../mutation/run-part.ts");
    const chosen = parts.filter(({ name }) => only === undefined || name === only);
    if (chosen.length === 0)
      throw new Error(`There are the parts ${parts.map(({ name }) => name).join(", ")}.`);
    const figures: [string, string][] = [];
    const faults: string[] = [];
    for (const part of chosen) {
      if (signal.aborted) {
        figures.push([part.name, "not tried"]);
        continue;
      }
      const mutants = await runPart(part, { fresh: false });
      const unnoticed = mutants.filter(({ noticed }) => !noticed);
      const score = (100 * (mutants.length - unnoticed.length)) / Math.max(mutants.length, 1);
      for (const { place, replacement } of unnoticed)
        say(`not noticed: ${place} ${JSON.stringify(replacement)}`);
      const of = `${mutants.length - unnoticed.length} of ${mutants.length}`;
      const timedOut = mutants.filter((mutant) => mutant.timedOut).length;
      figures.push([
        part.name,
        `${of}, ${score.toFixed(1)} %, ${timedOut} by endless loops or the time limit`,
      ]);
      if (!(score >= lowestScore))
        faults.push(`${part.name}: ${score.toFixed(1)} % is less than ${lowestScore} %`);
    }
    return { figures, faults };
  },
};
