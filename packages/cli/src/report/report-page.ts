import { createHash } from "node:crypto";
import type { BuildRecord, StepRecord, Store } from "@ob/core";
import { formatDuration, formatSize } from "../args/units.ts";
import { printable } from "../output/printable.ts";
import { durationOf, outcomeCounts } from "../records/record-fields.ts";
import { markup, Markup } from "./markup.ts";
import { phaseLegend } from "./phase-totals.ts";
import { LogReader, type StepLog } from "./read-log.ts";
import { stepItem } from "./step-item.ts";
import { style } from "./style.ts";
import { createTimeLine, type TimeLine } from "./time-line.ts";

export interface ReportOptions {
  /** Where the logs are. */
  readonly store: Store;
  readonly signal: AbortSignal;
}

/**
 * A page about a build: one HTML document without scripts, whose policy lets it load nothing. Headings, names and logs are
 * hostile: all of them are escaped.
 *
 * @throws ObError `STORE`, `CANCELLED`.
 */
export async function reportPage(record: BuildRecord, { store, signal }: ReportOptions): Promise<string> {
  const reader = new LogReader(store, signal);
  const logs = new Map<string, StepLog | undefined>();
  for (const { id } of record.steps) if (!logs.has(id)) logs.set(id, await reader.read(id));
  return page(record, logs).text;
}

function page(record: BuildRecord, logs: ReadonlyMap<string, StepLog | undefined>): Markup {
  const { id, outcome, steps } = record;
  const hash = createHash("sha256").update(style).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  const timeLine = createTimeLine(durationOf(record));
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Build ${id}: ${outcome}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<header>
<h1>Build ${id}: <span class="${outcome}">${outcome}</span></h1>
${facts(record)}
</header>
<main>
<h2>Where the time went</h2>
${phaseLegend(steps)}
<h2>Steps</h2>
${stages(steps).map((stage) => stageSection(stage, { steps, timeLine, logs }))}
</main>
</body>
</html>
`;
}

function facts(record: BuildRecord): Markup {
  const { spec, context, started, layer, errorCode, steps } = record;
  const built = steps.filter(({ outcome }) => outcome === "saved");
  const bytes = built.reduce((sum, step) => sum + (step.bytes ?? 0), 0);
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["Spec", spec],
    ["Directory", context],
    ["Started", started.toISOString().replace("T", " ").replace(/\..*/, " UTC")],
    ["Time", formatDuration(durationOf(record))],
    ["Steps", outcomeCounts(record)],
    ["New layers", built.length === 0 ? undefined : formatSize(bytes)],
    ["Result", layer],
    ["Error", errorCode],
  ];
  const shown = rows.map(([name, value]) =>
    value === undefined ? undefined : markup`<dt>${name}</dt><dd>${printable(value)}</dd>`,
  );
  return markup`<dl>${shown}</dl>`;
}

interface Stage {
  readonly build: readonly string[];
  readonly steps: readonly StepRecord[];
}

/** The steps of each spec or nested build, in the order in which these began. */
function stages(steps: readonly StepRecord[]): readonly Stage[] {
  const groups = Map.groupBy(steps, ({ build }) => JSON.stringify(build));
  return [...groups.values()].map((group) => ({ build: group[0]?.build ?? [], steps: group }));
}

interface StageOptions {
  /** Of the build. */
  readonly steps: readonly StepRecord[];
  readonly timeLine: TimeLine;
  readonly logs: ReadonlyMap<string, StepLog | undefined>;
}

function stageSection(stage: Stage, { steps, timeLine, logs }: StageOptions): Markup {
  const name = stage.build.length === 0 ? "Main build" : `Build ${stage.build.map(printable).join(" › ")}`;
  const items = stage.steps.map((step, index) =>
    stepItem(step, {
      ...{ number: steps.indexOf(step) + 1, before: stage.steps.slice(0, index) },
      ...{ timeLine, log: logs.get(step.id) },
    }),
  );
  return markup`<section aria-label="${name}">
<h3>${name}</h3>
<div class="head">${timeLine.axis()}</div>
<ol class="steps">
${items}</ol>
</section>
`;
}
