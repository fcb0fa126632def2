// npm run campaign -- NAME [PART] [--seed N] [--minutes M] [--real] [--write]: makes faults of one kind, and looks at what they leave.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { Campaign, Outcome } from "./campaign.ts";
import { crowd } from "./campaigns/crowd.ts";
import { flaky } from "./campaigns/flaky.ts";
import { fuzz } from "./campaigns/fuzz.ts";
import { mutation } from "./campaigns/mutation.ts";
import { power } from "./campaigns/power.ts";
import { slow } from "./campaigns/slow.ts";
import { soak } from "./campaigns/soak.ts";
import { full, kill } from "./campaigns/store-faults.ts";
import { time } from "./campaigns/time.ts";
import { replaceSection } from "./summary.ts";

const campaigns: readonly Campaign[] = [
  ...[kill, full, power, time, slow],
  ...[crowd, soak, fuzz, mutation, flaky],
];
const readme = path.resolve(import.meta.dirname, "../README.md");
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: "string", default: "1" },
      minutes: { type: "string", default: "60" },
      real: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
    },
  });
  const { real } = values;
  const [name = "", part] = positionals;
  const campaign = campaigns.find((each) => each.name === name);
  const seed = Number(values.seed);
  const minutes = Number(values.minutes);
  if (!campaign || positionals.length > 2 || !Number.isSafeInteger(seed) || !(minutes > 0)) {
    say("npm run campaign -- NAME [PART] [--seed N] [--minutes M] [--real] [--write]");
    say(`There are: ${campaigns.map((each) => each.name).join(", ")}. The seed is a whole number.`);
    return 2;
  }
  const started = performance.now();
  const duration = minutes * 60_000;
  const signal = endAfter(duration);
  const random = xoroshiro128plus(seed);
  const outcome = await campaign.run({ random, duration, signal, say, real, part });
  const took = Math.round((performance.now() - started) / 1000);
  const text = describe(outcome, {
    command: `npm run campaign -- ${[name, part].filter((word) => word !== undefined).join(" ")} --seed ${seed} --minutes ${minutes}${real ? " --real" : ""}`,
    took,
  });
  process.stdout.write(`${text}\n`);
  const section = [name, part, ...(real ? ["--real"] : [])].filter((word) => word !== undefined).join(" ");
  if (values.write) await writeFile(readme, replaceSection(await readFile(readme, "utf8"), section, text));
  return outcome.faults.length === 0 ? 0 : 1;
}

/** Aborted when the time is over, or by a first SIGTERM: what is begun is finished, and what was found is said. A terminal's SIGINT reaches the children, too. */
function endAfter(duration: number): AbortSignal {
  const controller = new AbortController();
  const end = () => controller.abort();
  setTimeout(end, duration).unref();
  process.once("SIGTERM", end);
  return controller.signal;
}

function describe(outcome: Outcome, { command, took }: { command: string; took: number }): string {
  const date = new Date().toISOString().slice(0, 10);
  const figures = outcome.figures.map(([figure, value]) => `| ${figure} | ${value} |`);
  const found = outcome.faults.length === 0 ? [] : ["", ...outcome.faults.map((fault) => `- ${fault}`)];
  return [
    `\`${command}\`, ${date}, ${took} s`,
    "",
    "| | |",
    "| --- | --- |",
    ...figures,
    `| faults found | ${outcome.faults.length} |`,
    ...found,
  ].join("\n");
}

process.exitCode = await main();
