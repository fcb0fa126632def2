import { disposableWith } from "@ob/core";
import { openClusterTrials } from "../cluster/try-worker-kill.ts";
import type { Fault } from "../faults.ts";
import { imageTrials, makeImageReference } from "../images/image-reference.ts";
import { tryImageFault } from "../images/try-image-fault.ts";
import { lookingOnce } from "../store/looked-at.ts";
import { makeReference } from "../store/reference.ts";
import { trials } from "../store/trials.ts";
import { type TrialResult, tryFault } from "../store/try-fault.ts";

/** One command in which faults are made. */
export interface FaultTrial {
  /** The command's name, and what it starts from. */
  readonly name: string;
  /** Makes a fault in it, and looks at what it leaves. */
  readonly tryFault: (fault: Fault, slot: number) => Promise<TrialResult>;
}

export interface FaultTrials extends AsyncDisposable {
  readonly trials: readonly FaultTrial[];
  /** How many are tried at the same time: their slots are 0, 1 and so on. */
  readonly slots: number;
}

/** The commands of each part of the campaign. */
export const trialParts = {
  /** `build`, `delete` and `prune`. */
  store: async (library: string): Promise<FaultTrials> => {
    await using stack = new AsyncDisposableStack();
    const reference = stack.use(await makeReference());
    const lookAtDisk = lookingOnce();
    const made = trials(reference).map((trial) => ({
      name: trial.words.join(" "),
      tryFault: async (fault: Fault, slot: number) =>
        await tryFault(trial, fault, { reference, library, slot, lookAtDisk }),
    }));
    return disposableWith({ trials: made, slots: 3 }, stack);
  },
  /** `image import`, `pull`, `build` and `rm`. */
  images: async (library: string): Promise<FaultTrials> => {
    await using stack = new AsyncDisposableStack();
    const reference = stack.use(await makeImageReference());
    const made = imageTrials.map((trial) => ({
      name: `image ${trial.command}, ${trial.from === "nothing" ? "a new one" : "in place of another"}`,
      tryFault: async (fault: Fault, slot: number) =>
        await tryImageFault(trial, fault, { reference, library, slot }),
    }));
    return disposableWith({ trials: made, slots: 3 }, stack);
  },
  /** A worker of a cluster. */
  worker: openClusterTrials,
} as const;

export type TrialPart = keyof typeof trialParts;

export function isTrialPart(name: string): name is TrialPart {
  return Object.hasOwn(trialParts, name);
}
