// npm run bench [-- NAME... --quick]: runs the scenarios and prints the results. A complete run updates README.md.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import type { Bench, Scenario } from "./bench.ts";
import { checkImage, imageName } from "./fixtures.ts";
import { plot } from "./plot.ts";
import { report } from "./report.ts";
import { Results } from "./results.ts";
import { cache } from "./scenarios/cache.ts";
import { cluster } from "./scenarios/cluster.ts";
import { copy } from "./scenarios/copy.ts";
import { lowerBound } from "./scenarios/lower-bound.ts";
import { layers } from "./scenarios/layers.ts";
import { notReused } from "./scenarios/not-reused.ts";
import { original } from "./scenarios/original.ts";
import { plan } from "./scenarios/plan.ts";
import { registry } from "./scenarios/registry.ts";
import { snapshots } from "./scenarios/snapshots.ts";
import { steps } from "./scenarios/steps.ts";
import { systemd } from "./scenarios/systemd.ts";
import { throughput } from "./scenarios/throughput.ts";

/** The scenarios that depend least on an otherwise idle machine are last. */
const scenarios: readonly Scenario[] = [
  plan,
  layers,
  cache,
  registry,
  lowerBound,
  steps,
  snapshots,
  notReused,
  copy,
  throughput,
  original,
  cluster,
];

/** Only if named: they need an image of their own, and are not part of a run of everything. */
const optional: readonly Scenario[] = [systemd];

const repository = path.resolve(import.meta.dirname, "../..");
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: "boolean", default: false }, write: { type: "boolean", default: false } },
  });
  const chosen = positionals.map(
    (name) => [...scenarios, ...optional].find((scenario) => scenario.name === name) ?? name,
  );
  const unknown = chosen.find((each) => typeof each === "string");
  if (unknown !== undefined) {
    say(
      `There is no ${unknown}. There are: ${[...scenarios, ...optional].map(({ name }) => name).join(", ")}.`,
    );
    return 2;
  }
  const wanted = chosen.length === 0 ? scenarios : chosen.filter((each) => typeof each !== "string");
  const parent = path.join(repository, ".obuilder");
  await mkdir(parent, { recursive: true });
  const imageStore = process.env["OB_BENCH_STORE"] ?? path.join(parent, "store");
  await checkImage(imageStore);
  const bench: Bench = {
    quick: values.quick,
    directory: await mkdtemp(path.join(parent, "bench-")),
    imageStore,
    results: new Results(),
    say,
  };
  const clear = () => rm(bench.directory, { recursive: true, force: true });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      say("Cancelled.");
      void clear().finally(() => process.exit(130));
    });
  }
  await using cleared = { [Symbol.asyncDispose]: clear };
  void cleared;
  const failed = await runAll(wanted, bench);
  const options = process.argv.slice(2).filter((word) => word !== "--write");
  const command = ["npm run bench", ...(options.length > 0 ? ["--", ...options] : [])].join(" ");
  const text = await report(bench.results, command);
  process.stdout.write(`\n${text}\n`);
  const all = wanted.length === scenarios.length && failed.length === 0;
  if (values.write || (all && !bench.quick)) await keep(text, bench.results);
  if (failed.length > 0) say(`\nNot measured: ${failed.join(", ")}.`);
  return failed.length === 0 ? 0 : 1;
}

/** @returns the names of the failed scenarios; the others are still reported. */
async function runAll(wanted: readonly Scenario[], bench: Bench): Promise<readonly string[]> {
  const failed: string[] = [];
  const start = performance.now();
  for (const [index, { name, title, run }] of wanted.entries()) {
    const seconds = Math.round((performance.now() - start) / 1_000);
    say(`[${index + 1}/${wanted.length}] ${name}: ${title} (${imageName}, after ${seconds} s)`);
    try {
      await run(bench);
    } catch (error) {
      failed.push(name);
      say(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
  say(`Done after ${Math.round((performance.now() - start) / 1_000)} s.`);
  return failed;
}

/** Writes the results between the markers in README.md, and the plot beside it. */
async function keep(text: string, results: Results): Promise<void> {
  const file = path.join(import.meta.dirname, "../README.md");
  const marks = /(<!-- results -->\n)[^]*(\n<!-- end of results -->)/;
  const readme = await readFile(file, "utf8");
  await writeFile(
    file,
    readme.replace(marks, (_, begin: string, end: string) => `${begin}\n${text}\n${end}`),
  );
  await writeFile(path.join(import.meta.dirname, "../steps.svg"), plot(results.timelines()));
  say("The results are in bench/README.md, the plot in bench/steps.svg.");
}

process.exitCode = await main();
