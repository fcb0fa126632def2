import { availableParallelism } from "node:os";
import path from "node:path";
import { layerId } from "@ob/core";
import type { Campaign, CampaignOptions, Outcome } from "../campaign.ts";
import { openCrashThread } from "../power/crash-thread.ts";
import { buildPreload, keptPreload } from "../faults.ts";
import { type CrashPoint, crashPoints } from "../power/crash-points.ts";
import { type RecordedCommand, type RecordedRun, recordRun } from "../power/recorded-run.ts";
import { makeImageSources } from "../store/image-sources.ts";
import { copyStore, makeReference, type Reference } from "../store/reference.ts";
import { runWorkHere } from "../store/run-work.ts";
import { trials } from "../store/trials.ts";
import { shuffled } from "./shuffle.ts";

/** As `crashPoints`. */
const seed = 1;

/** How many crashes are looked at at the same time, by threads: most of their time is that of programs. */
const threads = 2 * availableParallelism();

/** Commands whose every change of the store is recorded, and the host crashes between any two of them. */
export const power: Campaign = {
  name: "power",
  async run(options: CampaignOptions): Promise<Outcome> {
    const library = await buildPreload(keptPreload);
    if (library === undefined) throw new Error("There is no C compiler (cc), so no change can be recorded.");
    await using reference = await makeReference();
    const places: (readonly [RecordedRun, CrashPoint])[] = [];
    for (const command of await commandsOn(reference)) {
      const recorded = await recordRun(command, { reference, library });
      const points = crashPoints(recorded, seed);
      options.say(
        `${nameOf(recorded)}: ${recorded.changes.length} changes, ${points.length} crashes that leave something of their own`,
      );
      for (const point of points) places.push([recorded, point]);
    }
    return await tryAll(places, { ...options, reference });
  },
};

async function commandsOn(reference: Reference): Promise<readonly RecordedCommand[]> {
  const { directory, empty, full, parents } = reference;
  const sources = path.join(directory, "sources");
  const withImage = path.join(directory, "with-image");
  await makeImageSources(sources);
  await copyStore(empty, withImage);
  await runWorkHere(withImage, ["import", sources, "1"], { timeLimit: 600_000 });
  const leaf = [...parents.keys()].at(-1) ?? layerId("0".repeat(64));
  return [
    ...trials(reference).map(({ words, from }) => ({ words, from: reference[from] })),
    { words: ["tag", "name", leaf], from: full },
    { words: ["command"], from: empty },
    { words: ["import", sources, "1"], from: empty },
    { words: ["import", sources, "2"], from: withImage },
    { words: ["pull", sources, "1"], from: empty },
    { words: ["pull", sources, "2"], from: withImage },
    { words: ["snapshot"], from: full },
  ];
}

async function tryAll(
  places: readonly (readonly [RecordedRun, CrashPoint])[],
  { reference, random, signal, say }: CampaignOptions & { readonly reference: Reference },
): Promise<Outcome> {
  const faults: string[] = [];
  const rest = shuffled(places, random).values();
  let tried = 0;
  const look = async (name: string): Promise<void> => {
    await using thread = openCrashThread({
      reference,
      seed,
      directory: path.join(reference.directory, name),
    });
    for (const [recorded, point] of rest) {
      if (signal.aborted) break;
      for (const found of await thread.tryCrash(recorded.saved, point)) {
        faults.push(`${nameOf(recorded)}, a crash after ${point.after} changes, ${point.loss}: ${found}`);
        say(faults.at(-1) ?? "");
      }
      tried += 1;
      if (tried % 25 === 0) say(`${tried} of ${places.length}`);
    }
  };
  await Promise.all(Array.from({ length: threads }, (_, index) => look(`crashed-${index}`)));
  return { figures: [["crashes", `${tried} of ${places.length}`]], faults };
}

/** Without the paths of this run. */
function nameOf({ words }: RecordedRun): string {
  return words.map((word) => (path.isAbsolute(word) ? path.basename(word) : word)).join(" ");
}
