import { rm } from "node:fs/promises";
import path from "node:path";
import { diskUsage, errorMessage, type LayerId } from "@ob/core";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { CampaignOptions, Outcome } from "../campaign.ts";
import { checkStore } from "../store/check-store.ts";
import { copyStore, makeReference, type Reference } from "../store/reference.ts";
import { runWork } from "../store/run-work.ts";
import { trials } from "../store/trials.ts";
import { type DiskKind, diskKinds, mountSmallDisk, type SmallDisk } from "../store/small-disk.ts";
import { layersOf, type Trial } from "../store/try-fault.ts";

/** How much more than a whole store may be left free, in bytes: then nothing fails. */
const margin = 2 ** 20;

/** Commands on file systems that get full while they run, after which room is made again. */
export async function fillSmallDisks(options: CampaignOptions): Promise<Outcome> {
  await using reference = await makeReference();
  await using mounted = await mountAll(reference.directory, options.say);
  const { disks, skipped } = mounted;
  const most = (await diskUsage(reference.full)) + margin;
  const faults: string[] = [];
  const ends = { succeeded: 0, "no space": 0 };
  while (disks.length > 0 && !options.signal.aborted) {
    for (const [kind, disk] of disks) {
      for (const trial of trials(reference)) {
        const left = uniformInt(options.random, 0, most);
        const found = await tryFull(trial, { disk, left, reference });
        ends[found.status === 0 ? "succeeded" : "no space"] += 1;
        faults.push(
          ...found.faults.map((each) => `${trial.words[0]}, ${kind} with ${left} bytes left: ${each}`),
        );
      }
    }
  }
  return {
    figures: [
      ["file systems", disks.map(([kind]) => kind).join(", ") || "none"],
      ["skipped", skipped.join("; ") || "none"],
      ["commands that succeeded", String(ends.succeeded)],
      ["commands for which the disk was too small", String(ends["no space"])],
    ],
    faults,
  };
}

interface Mounted extends AsyncDisposable {
  readonly disks: readonly (readonly [DiskKind, SmallDisk])[];
  readonly skipped: readonly string[];
}

async function mountAll(directory: string, say: (line: string) => void): Promise<Mounted> {
  await using stack = new AsyncDisposableStack();
  const disks: [DiskKind, SmallDisk][] = [];
  const skipped: string[] = [];
  for (const kind of diskKinds) {
    try {
      disks.push([kind, stack.use(await mountSmallDisk(kind, directory))]);
    } catch (error) {
      skipped.push(`${kind}: ${errorMessage(error).split("\n")[0]}`);
      say(`skipped ${skipped.at(-1)}`);
    }
  }
  const owned = stack.move();
  return { disks, skipped, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function tryFull(
  trial: Trial,
  { disk, left, reference }: { disk: SmallDisk; left: number; reference: Reference },
): Promise<{ readonly status: number | null; readonly faults: readonly string[] }> {
  const directory = path.join(disk.directory, "store");
  const timeLimit = 30_000 + 40 * reference.buildTime;
  await disk.makeRoom();
  await rm(directory, { recursive: true, force: true });
  await copyStore(reference[trial.from], directory);
  const layers: ReadonlySet<LayerId> = await layersOf(directory);
  await disk.fill(left);
  const result = await runWork(directory, trial.words, { timeLimit });
  await disk.makeRoom();
  const faults = [...(await checkStore(directory, { before: { layers, result }, reference, timeLimit }))];
  const { status, signal, error, complaint } = result;
  const isSaid = status === 1 && error !== undefined && error.startsWith("NO_SPACE ");
  if (status !== 0 && !isSaid) faults.push(`it ended with ${status ?? signal}: ${error ?? complaint}`);
  return { status, faults };
}
