import type { Campaign, CampaignOptions, Outcome } from "../campaign.ts";
import { buildPreload, type Fault, keptPreload } from "../faults.ts";
import { makeReference, type Reference } from "../store/reference.ts";
import { trials } from "../store/trials.ts";
import { type Trial, tryFault } from "../store/try-fault.ts";
import { killRealCommands } from "./real-kills.ts";
import { shuffled } from "./shuffle.ts";
import { fillSmallDisks } from "./small-disks.ts";

/** One fault at a place of a command. */
interface Place {
  readonly trial: Trial;
  readonly fault: Fault;
}

/** The process is killed before each call that changes a file of the store. */
export const kill = storeFaults("kill", [{ action: "kill" }], killRealCommands);

/** Each call that changes a file of the store fails: once, and from then on. */
export const full = storeFaults(
  "full",
  [{ action: "ENOSPC", lasting: true }, { action: "EIO" }, { action: "EDQUOT" }],
  fillSmallDisks,
);

function storeFaults(
  name: string,
  kinds: readonly Omit<Fault, "at">[],
  real: (options: CampaignOptions) => Promise<Outcome>,
): Campaign {
  return {
    name,
    async run(options) {
      if (options.real) return await real(options);
      const library = await buildPreload(keptPreload);
      if (library === undefined) throw new Error("There is no C compiler (cc), so no fault can be made.");
      await using reference = await makeReference();
      const places = await allPlaces(kinds, { reference, library, random: options.random });
      return await tryPlaces(places, { ...options, reference, library });
    },
  };
}

async function allPlaces(
  kinds: readonly Omit<Fault, "at">[],
  { reference, library, random }: { reference: Reference; library: string } & Pick<CampaignOptions, "random">,
): Promise<readonly Place[]> {
  const places: Place[] = [];
  for (const trial of trials(reference)) {
    const { calls } = await tryFault(trial, { at: undefined, action: "kill" }, { reference, library });
    for (const kind of kinds) {
      for (let at = 1; at <= calls; at += 1) places.push({ trial, fault: { ...kind, at } });
    }
  }
  return shuffled(places, random);
}

async function tryPlaces(
  places: readonly Place[],
  { reference, library, until, say }: { reference: Reference; library: string } & CampaignOptions,
): Promise<Outcome> {
  const faults: string[] = [];
  let tried = 0;
  for (const { trial, fault } of places) {
    if (performance.now() > until) break;
    const found = await tryFault(trial, fault, { reference, library });
    tried += 1;
    for (const each of found.faults) {
      const lasting = fault.lasting ? ", lasting" : "";
      faults.push(`${trial.words.join(" ")}, ${fault.action} at call ${fault.at}${lasting}: ${each}`);
      say(faults.at(-1) ?? "");
    }
    if (tried % 25 === 0) say(`${tried} of ${places.length}`);
  }
  return { figures: [["places", `${tried} of ${places.length}`]], faults };
}
