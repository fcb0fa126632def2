import type { Campaign, CampaignOptions, Outcome } from "../campaign.ts";
import { buildPreload, type Fault, keptPreload } from "../faults.ts";
import { type FaultTrial, isTrialPart, type TrialPart, trialParts } from "./fault-trials.ts";
import { killRealCommands } from "./real-kills.ts";
import { shuffled } from "./shuffle.ts";
import { fillSmallDisks } from "./small-disks.ts";

/** One fault at a place of a command. */
interface Place {
  readonly trial: FaultTrial;
  readonly fault: Fault;
}

/** The process is killed before each call that changes a file of the store. */
export const kill = storeFaults("kill", {
  kinds: [{ action: "kill" }],
  parts: ["store", "images", "worker"],
  real: killRealCommands,
});

/** Each call that changes a file of the store fails: once, and from then on. */
export const full = storeFaults("full", {
  kinds: [{ action: "ENOSPC", lasting: true }, { action: "EIO" }, { action: "EDQUOT" }],
  parts: ["store"],
  real: fillSmallDisks,
});

interface StoreFaults {
  readonly kinds: readonly Omit<Fault, "at">[];
  /** The first is done where none is named. */
  readonly parts: readonly [TrialPart, ...TrialPart[]];
  readonly real: (options: CampaignOptions) => Promise<Outcome>;
}

function storeFaults(name: string, { kinds, parts, real }: StoreFaults): Campaign {
  return {
    name,
    async run(options) {
      if (options.real) return await real(options);
      const { part = parts[0] } = options;
      if (!isTrialPart(part) || !parts.includes(part))
        throw new Error(`The parts of ${name}: ${parts.join(", ")}.`);
      const library = await buildPreload(keptPreload);
      if (library === undefined) throw new Error("There is no C compiler (cc), so no fault can be made.");
      await using opened = await trialParts[part](library);
      const places = await allPlaces(kinds, opened.trials);
      return await tryPlaces(shuffled(places, options.random), { ...options, slots: opened.slots });
    },
  };
}

async function allPlaces(
  kinds: readonly Omit<Fault, "at">[],
  trials: readonly FaultTrial[],
): Promise<readonly Place[]> {
  const places: Place[] = [];
  for (const trial of trials) {
    const { calls, faults } = await trial.tryFault({ at: undefined, action: "kill" }, 0);
    if (faults.length > 0) throw new Error(`${trial.name} without a fault: ${faults.join("; ")}`);
    for (const kind of kinds) {
      for (let at = 1; at <= calls; at += 1) places.push({ trial, fault: { ...kind, at } });
    }
  }
  return places;
}

async function tryPlaces(
  places: readonly Place[],
  { signal, say, slots }: CampaignOptions & { readonly slots: number },
): Promise<Outcome> {
  const faults: string[] = [];
  const rest = places.values();
  let tried = 0;
  const work = async (slot: number): Promise<void> => {
    for (const { trial, fault } of rest) {
      if (signal.aborted) return;
      const found = await trial.tryFault(fault, slot);
      tried += 1;
      for (const each of found.faults) {
        const lasting = fault.lasting ? ", lasting" : "";
        faults.push(`${trial.name}, ${fault.action} at call ${fault.at}${lasting}: ${each}`);
        say(faults.at(-1) ?? "");
      }
      if (tried % 25 === 0) say(`${tried} of ${places.length}`);
    }
  };
  await Promise.all(Array.from({ length: slots }, async (_, slot) => await work(slot)));
  return { figures: [["places", `${tried} of ${places.length}`]], faults };
}
