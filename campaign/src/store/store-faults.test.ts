import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shuffled } from "../campaigns/shuffle.ts";
import { buildPreload, type Fault } from "../faults.ts";
import { recordRun } from "../power/recorded-run.ts";
import { tryCrash } from "../power/try-crash.ts";
import { lookingOnce } from "./looked-at.ts";
import { makeReference, type Reference } from "./reference.ts";
import { trials } from "./trials.ts";
import { tryFault } from "./try-fault.ts";

/** How many places of each kind are tried here. The campaign tries all. */
const sample = 1;

let reference: Reference;
let library: string | undefined;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "ob-faults-"));
  library = await buildPreload(directory);
  reference = await makeReference();
}, 600_000);
afterAll(async () => {
  await reference[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** Numbers of calls that spread over the whole command. */
function somePoints(calls: number): readonly number[] {
  const points = Array.from({ length: calls }, (_, index) => index + 1);
  return shuffled(points, xoroshiro128plus(1)).slice(0, sample);
}

const kinds: readonly Omit<Fault, "at">[] = [
  { action: "kill" },
  { action: "ENOSPC", lasting: true },
  { action: "EIO" },
];

describe("a crash of the host", () => {
  it("takes back nothing that a command has said", { timeout: 3_600_000 }, async () => {
    if (library === undefined) throw new Error("There is no C compiler (cc).");
    const [build] = trials(reference);
    if (!build) throw new Error("there is no build");
    const recorded = await recordRun(
      { words: build.words, from: reference[build.from] },
      { reference, library },
    );
    const said = recorded.changes.findLastIndex(({ kind }) => kind === "say");
    const point = { after: said + 1, loss: "all is lost" } as const;
    const crashed = path.join(reference.directory, "crashed");
    expect(await tryCrash(recorded, point, { reference, seed: 1, directory: crashed })).toEqual([]);
  });
});

describe("a fault in the store's work leaves a store as promised", () => {
  // Each `tryFault` has limits of its own, which grow with the host's speed.
  it.each(["build", "delete", "prune"])("%s", { timeout: 3_600_000 }, async (command) => {
    if (library === undefined) {
      throw new Error("There is no C compiler (cc): `npm run quickstart` installs gcc and libc6-dev.");
    }
    const trial = trials(reference).find(({ words }) => words[0] === command);
    if (!trial) throw new Error(`there is no ${command}`);
    const place = { reference, library, slot: 0, lookAtDisk: lookingOnce() };
    const { calls, faults } = await tryFault(trial, { at: undefined, action: "kill" }, place);
    expect(faults).toEqual([]);
    for (const kind of kinds) {
      for (const at of somePoints(calls)) {
        const found = await tryFault(trial, { ...kind, at }, place);
        expect({ ...kind, at, faults: found.faults }).toEqual({ ...kind, at, faults: [] });
      }
    }
  });
});
