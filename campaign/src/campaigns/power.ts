import { layerId } from "@ob/core";
import type { Campaign, CampaignOptions, Outcome } from "../campaign.ts";
import { buildPreload, keptPreload } from "../faults.ts";
import { type CrashPoint, crashPoints } from "../power/crash-points.ts";
import { type RecordedRun, recordRun } from "../power/recorded-run.ts";
import { tryCrash } from "../power/try-crash.ts";
import { makeReference } from "../store/reference.ts";
import { trials } from "../store/trials.ts";
import type { Trial } from "../store/try-fault.ts";
import { shuffled } from "./shuffle.ts";

/** Commands whose every change of the store is recorded, and the host crashes between any two of them. */
export const power: Campaign = {
  name: "power",
  async run({ random, until, say }: CampaignOptions): Promise<Outcome> {
    const library = await buildPreload(keptPreload);
    if (library === undefined) throw new Error("There is no C compiler (cc), so no change can be recorded.");
    await using reference = await makeReference();
    const seed = 1;
    const places: (readonly [RecordedRun, CrashPoint])[] = [];
    const leaf = [...reference.parents.keys()].at(-1) ?? layerId("0".repeat(64));
    const all: readonly Trial[] = [...trials(reference), { words: ["tag", "name", leaf], from: "full" }];
    for (const trial of all) {
      const recorded = await recordRun(trial, { reference, library });
      const points = crashPoints(recorded, seed);
      say(
        `${trial.words.join(" ")}: ${recorded.changes.length} changes, ${points.length} crashes that leave something of their own`,
      );
      for (const point of points) places.push([recorded, point]);
    }
    const faults: string[] = [];
    let tried = 0;
    for (const [recorded, point] of shuffled(places, random)) {
      if (performance.now() > until) break;
      for (const found of await tryCrash(recorded, point, { reference, seed })) {
        faults.push(
          `${recorded.words.join(" ")}, a crash after ${point.after} changes, ${point.loss}: ${found}`,
        );
        say(faults.at(-1) ?? "");
      }
      tried += 1;
      if (tried % 25 === 0) say(`${tried} of ${places.length}`);
    }
    return { figures: [["crashes", `${tried} of ${places.length}`]], faults };
  },
};
