// npm run bench -- cluster-faults [NAME...] [--seed N] [--rounds N] [--write]: kills, freezes and cuts off; needs no virtual machine.
import { readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Random } from "../cluster-sim/random.ts";
import { type Campaign, campaigns } from "./campaigns.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { TestNetwork, whyNoNetwork } from "./network.ts";
import { playRound, type Round } from "./round.ts";
import { faultTable, isClean, isQuick, longestTakeover, type Played } from "./table.ts";

const readme = path.resolve(import.meta.dirname, "../../README.md");
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: "string", default: "1" },
      rounds: { type: "string" },
      write: { type: "boolean", default: false },
    },
  });
  const [seed, rounds] = [values.seed, values.rounds ?? "0"].map(Number);
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(rounds)) {
    throw new RangeError("--seed and --rounds are integers");
  }
  const unknown = positionals.find((name) => campaigns.every((campaign) => campaign.name !== name));
  if (unknown !== undefined) {
    say(`There is no ${unknown}. There are: ${campaigns.map(({ name }) => name).join(", ")}.`);
    return 2;
  }
  const wanted = campaigns.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const all: Played[] = [];
  for (const campaign of wanted) {
    const played = await playCampaign(campaign, { seed: seed ?? 1, rounds: rounds || campaign.rounds });
    if (played) all.push(played);
  }
  const words = process.argv.slice(2).filter((word) => word !== "--write");
  const command = ["npm run bench -- cluster-faults", ...words].join(" ");
  const text = `${where(command, seed ?? 1)}\n\n${faultTable(all)}`;
  process.stdout.write(`\n${text}\n`);
  if (values.write) await keep(text);
  const isInTime = all.every(isQuick);
  if (!isInTime)
    say(`A takeover lasted longer than ${longestTakeover / 1_000} s: that holds on an idle machine only.`);
  return isInTime && all.every(isClean) ? 0 : 1;
}

async function playCampaign(
  campaign: Campaign,
  { seed, rounds }: { readonly seed: number; readonly rounds: number },
): Promise<Played | undefined> {
  const { name, title, workers, isNetworked } = campaign;
  const why = isNetworked ? await whyNoNetwork() : undefined;
  if (why !== undefined) {
    say(`${name}: SKIPPED: ${why}`);
    return undefined;
  }
  await using stack = new AsyncDisposableStack();
  const network = isNetworked ? stack.use(await TestNetwork.create(workers)) : undefined;
  const random = new Random(seed);
  const places = network && { places: network.machines, hub: network.hub };
  const running = stack.use(await FaultCluster.start({ random, workers, ...places }));
  const played: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    const each = await playRound(campaign, { running, random, network });
    played.push(each);
    say(`${name} ${round}/${rounds}: ${title}: ${JSON.stringify(each)}`);
  }
  return { campaign, rounds: played };
}

function where(command: string, seed: number): string {
  const [load = 0] = loadavg();
  return [
    `- date: ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    `- command: \`${command}\`, seed ${seed}`,
    `- machine: ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, load at the end ${load.toFixed(0)}`,
  ].join("\n");
}

/** Writes the results between the markers in README.md. */
async function keep(text: string): Promise<void> {
  const marks = /(<!-- cluster-faults -->\n)[^]*(<!-- end of cluster-faults -->)/;
  const before = await readFile(readme, "utf8");
  await writeFile(
    readme,
    before.replace(marks, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`),
  );
  say("The results are in bench/README.md.");
}

process.exitCode = await main();
