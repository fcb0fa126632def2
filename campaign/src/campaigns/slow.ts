import { readdir } from "node:fs/promises";
import path from "node:path";
import type { Campaign, CampaignOptions, Outcome } from "../campaign.ts";
import { loadOf, type ScarceCpu, tenthOfCpu } from "../slow/scarce-cpu.ts";
import { runTests } from "../tests/run-tests.ts";

const repository = path.resolve(import.meta.dirname, "../../..");

/** How many other processes are busy. */
const load = 16;

/** Whole builds whose time is mostly that of the guest, and those with deadlines of their own. */
const wholeBuilds = ["build.test.ts", "failures.test.ts", "restart.test.ts"];

const ways: Readonly<Record<string, () => Promise<ScarceCpu>>> = {
  tenth: tenthOfCpu,
  load: async () => await loadOf(load),
};

/** The tests, where the CPU is scarce: none may fail that does not otherwise. Its parts are the ways in which it is made so. */
export const slow: Campaign = {
  name: "slow",
  async run({ signal, say, part }: CampaignOptions): Promise<Outcome> {
    const chosen = Object.entries(ways).filter(([name]) => part === undefined || part === name);
    if (chosen.length === 0) throw new Error(`The parts are ${Object.keys(ways).join(" and ")}.`);
    const figures: (readonly [string, string])[] = [];
    const faults: string[] = [];
    for (const [name, open] of chosen) {
      await using cpu = await open();
      say(cpu.how);
      const runs = await runAll(cpu, { signal, say });
      const passed = runs.reduce((sum, run) => sum + run.passed, 0);
      const cut = runs.filter(({ isCut }) => isCut).map(({ folder }) => folder);
      figures.push([`${name}: ${cpu.how}`, `${passed} tests passed in ${runs.length - cut.length} folders`]);
      if (cut.length > 0) figures.push([`${name}: not to their end`, cut.join(", ")]);
      faults.push(...runs.flatMap((run) => run.failed.map((test) => `${name}: ${test}`)));
    }
    return { figures, faults };
  },
};

/** What came of the tests of a folder. */
interface FolderRun {
  readonly folder: string;
  readonly passed: number;
  /** The names of those that failed, each with the beginning of its error. */
  readonly failed: readonly string[];
  /** True if the time was over before they had ended. */
  readonly isCut: boolean;
}

async function runAll(
  cpu: ScarceCpu,
  { signal, say }: Pick<CampaignOptions, "signal" | "say">,
): Promise<readonly FolderRun[]> {
  const runs: FolderRun[] = [];
  for (const folder of [...(await packages()), "images", "e2e"]) {
    const run = await runFolder(folder, { cpu, signal });
    runs.push(run);
    say(`${folder}: ${run.passed} passed, ${run.failed.length} failed${run.isCut ? ", cut short" : ""}`);
    for (const each of run.failed) say(`  ${each}`);
  }
  return runs;
}

async function runFolder(
  folder: string,
  { cpu, signal }: { readonly cpu: ScarceCpu; readonly signal: AbortSignal },
): Promise<FolderRun> {
  const files = folder === "e2e" ? wholeBuilds : [];
  const results = signal.aborted ? undefined : await runTests({ folder, files, prefix: cpu.prefix, signal });
  if (!results) return { folder, passed: 0, failed: [], isCut: true };
  const failed = results.filter(({ outcome }) => outcome === "failed");
  return {
    folder,
    passed: results.length - failed.length,
    failed: failed.map(({ name, error }) => `${name}: ${error}`),
    isCut: false,
  };
}

/** The folders of the packages, those with the fewest tests first: they show soonest what is wrong. */
async function packages(): Promise<readonly string[]> {
  const names = await readdir(path.join(repository, "packages"));
  const sized = names.map(async (name) => {
    const files = await readdir(path.join(repository, "packages", name, "src"), { recursive: true });
    return { folder: `packages/${name}`, tests: files.filter((file) => file.endsWith(".test.ts")).length };
  });
  return (await Promise.all(sized)).toSorted((a, b) => a.tests - b.tests).map(({ folder }) => folder);
}
