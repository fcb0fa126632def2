import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { Campaign, CampaignOptions, Outcome, Random } from "../campaign.ts";
import { checkStore, type LookAtDisk } from "../store/check-store.ts";
import { lookingOnce } from "../store/looked-at.ts";
import { copyStore, makeReference, type Reference } from "../store/reference.ts";
import { runWork, runWorkHere } from "../store/run-work.ts";
import { layersOf } from "../store/try-fault.ts";

/** Between which times the clock jumps: from the beginning of 1970 to beyond what 32 bits hold, with and without a sign. */
const [earliest, latest] = [Date.UTC(1970, 0, 2), Date.UTC(2110, 0, 1)];

/** Most jumps are short, as those of a clock that is set right. In seconds. */
const shortJumps = [1, 60, 3_600, 86_400, 7 * 86_400];

/** How often the clock jumps at most while one command runs. */
const mostJumps = 3;

/** One store on which commands work while their clock jumps back and forth; the clock of the file system stays. */
export const time: Campaign = {
  name: "time",
  async run(options: CampaignOptions): Promise<Outcome> {
    const library = await findLibrary();
    if (library === undefined)
      throw new Error("There is no libfaketime, so no clock can jump: it is in Debian's package faketime.");
    await using reference = await makeReference();
    const directory = path.join(reference.directory, "store");
    await copyStore(reference.empty, directory);
    const clock = new Clock(path.join(reference.directory, "clock"), options.random);
    const faults: string[] = [];
    const lookAtDisk = lookingOnce();
    let commands = 0;
    while (!options.signal.aborted) {
      const words = chooseWords(reference, options.random);
      for (const found of await tryWords(words, { directory, reference, clock, library, lookAtDisk })) {
        faults.push(`${words[0]}, with ${clock.last}: ${found}`);
        options.say(faults.at(-1) ?? "");
      }
      commands += 1;
      if (commands % 25 === 0) options.say(`${commands} commands`);
    }
    return {
      figures: [
        ["commands", String(commands)],
        ["jumps of the clock", String(clock.jumps)],
      ],
      faults,
    };
  },
};

/** The clock that commands see, as a file that libfaketime reads each time. */
class Clock {
  readonly file: string;
  readonly #random: Random;
  #offset = 0;
  #jumps = 0;
  #last = "";

  constructor(file: string, random: Random) {
    this.file = file;
    this.#random = random;
  }

  get jumps(): number {
    return this.#jumps;
  }

  /** How far off it was at last, in words. */
  get last(): string {
    return this.#last;
  }

  async jump(): Promise<void> {
    const kind = uniformInt(this.#random, 0, 2);
    const sign = uniformInt(this.#random, 0, 1) === 0 ? -1 : 1;
    const short = shortJumps[uniformInt(this.#random, 0, shortJumps.length - 1)] ?? 1;
    const now = Math.floor(Date.now() / 1_000);
    const any = uniformInt(this.#random, earliest / 1_000, latest / 1_000) - now;
    const wanted = kind === 0 ? any : kind === 1 ? 0 : this.#offset + sign * short;
    this.#offset = Math.min(Math.max(wanted, earliest / 1_000 - now), latest / 1_000 - now);
    this.#jumps += 1;
    this.#last = `${this.#offset} s`;
    await writeFile(this.file, `${this.#offset < 0 ? "-" : "+"}${Math.abs(this.#offset)}\n`);
  }
}

function chooseWords({ parents }: Reference, random: Random): readonly string[] {
  const ids = [...parents.keys()];
  const id = ids[uniformInt(random, 0, ids.length - 1)] ?? "";
  const choices = [["build"], ["build"], ["delete", id], ["prune"], ["tag", "name", id], ["untag", "name"]];
  return choices[uniformInt(random, 0, choices.length - 1)] ?? ["build"];
}

async function tryWords(
  words: readonly string[],
  { directory, reference, clock, library, lookAtDisk }: TimeOptions,
): Promise<readonly string[]> {
  const timeLimit = 60_000 + 40 * reference.buildTime;
  const layers = await layersOf(directory);
  await clock.jump();
  const jumping = new AbortController();
  const jumps = keepJumping(clock, { pause: reference.buildTime / mostJumps, signal: jumping.signal });
  const environment = environmentOf(clock, library);
  const result = await runWork(directory, words, { environment, timeLimit });
  jumping.abort();
  await jumps;
  const isRefused = result.error !== undefined && /^(?:LAYER_BUSY|NO_SUCH_LAYER|TAG) /.test(result.error);
  const ended =
    result.status === 0 || isRefused
      ? []
      : [`it ended with ${result.status ?? result.signal}: ${result.error ?? result.complaint}`];
  const looks = { before: { layers, result }, reference, timeLimit, work: runWorkHere, lookAtDisk };
  return [...ended, ...(await checkStore(directory, looks))];
}

interface TimeOptions {
  readonly directory: string;
  readonly reference: Reference;
  readonly clock: Clock;
  /** Path of libfaketime. */
  readonly library: string;
  readonly lookAtDisk: LookAtDisk;
}

async function keepJumping(
  clock: Clock,
  { pause, signal }: { readonly pause: number; readonly signal: AbortSignal },
): Promise<void> {
  for (let jump = 0; jump < mostJumps && !signal.aborted; jump += 1) {
    await delay(pause, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await clock.jump();
  }
}

/** Only the time of day is another one; deadlines are those of the host. */
function environmentOf({ file }: Clock, library: string): Record<string, string> {
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    // In seconds. A read with every look at the clock takes most of the time of a command.
    FAKETIME_CACHE_DURATION: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    NO_FAKE_STAT: "1",
  };
}

/** The path of libfaketime, where Debian and Ubuntu have it. */
async function findLibrary(): Promise<string | undefined> {
  for (const name of await readdir("/usr/lib")) {
    const directory = path.join("/usr/lib", name, "faketime");
    const found: readonly string[] = await readdir(directory).catch(() => []);
    if (found.includes("libfaketime.so.1")) return path.join(directory, "libfaketime.so.1");
  }
  return undefined;
}
