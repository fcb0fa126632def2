// npm run bench -- cluster-sim [--quick] [--write] [--seed N] [--measured FILE]: simulates clusters; needs no virtual machine.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { calibrate, prototype, readMeasurement } from "./calibration.ts";
import { experiment, type Run } from "./experiment.ts";
import { figure } from "./figure.ts";
import { readMeasured, withMeasured } from "./parameters.ts";
import { calibrationTable, measuredTable, resultTable } from "./table.ts";

const folder = path.resolve(import.meta.dirname, "../..");
const readme = path.join(folder, "README.md");
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      seed: { type: "string", default: "1" },
      measured: { type: "string", default: readme },
    },
  });
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed))
    throw new RangeError(`--seed is an integer, not ${JSON.stringify(values.seed)}`);
  const report = await readFile(values.measured, "utf8");
  const measured = readMeasured(report);
  const parameters = withMeasured(measured);
  const runs: Run[] = [];
  const start = performance.now();
  for (const run of experiment({ quick: values.quick, seed, parameters })) {
    runs.push(run);
    const after = ((performance.now() - start) / 1_000).toFixed(1);
    say(
      `${run.workers} workers, a job is a ${run.policy}${run.variant && `, ${run.variant}`} (after ${after} s)`,
    );
  }
  const tables = [
    measuredTable(measured),
    resultTable(runs, parameters),
    calibrationTable(calibrate(prototype), readMeasurement(report)),
  ];
  const text = `Seed ${seed}.\n\n${tables.join("\n\n")}`;
  process.stdout.write(`\n${text}\n`);
  if (values.write) await keep(text, runs);
}

/** Writes the results between the markers in README.md, and the figure beside it. */
async function keep(text: string, runs: readonly Run[]): Promise<void> {
  const marks = /(<!-- cluster-sim -->\n)[^]*(<!-- end of cluster-sim -->)/;
  const before = await readFile(readme, "utf8");
  await writeFile(
    readme,
    before.replace(marks, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`),
  );
  await writeFile(path.join(folder, "cluster-sim.svg"), await figure(runs));
  say("The results are in bench/README.md, the figure in bench/cluster-sim.svg.");
}

await main();
