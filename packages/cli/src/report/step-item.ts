import type { StepRecord } from "@ob/core";
import { formatDuration, formatSize } from "../args/units.ts";
import { printable } from "../output/printable.ts";
import { markup, type Markup } from "./markup.ts";
import { phaseNames, phaseTotals } from "./phase-totals.ts";
import type { StepLog } from "./read-log.ts";
import type { TimeLine } from "./time-line.ts";
import { sourceOf } from "./vm-start-reason.ts";

export interface StepItemOptions {
  /** Its number in the build, from 1. */
  readonly number: number;
  /** See `sourceOf`. */
  readonly before: readonly StepRecord[];
  readonly timeLine: TimeLine;
  readonly log: StepLog | undefined;
}

const ends: Readonly<Record<StepRecord["outcome"], string>> = {
  saved: "built",
  cached: "",
  failed: "failed",
  cancelled: "cancelled",
  unfinished: "not finished",
};

/** A step in the list of its stage: a line with its bar, which opens. That of a step that has failed is open. */
export function stepItem(step: StepRecord, { number, before, timeLine, log }: StepItemOptions): Markup {
  const { id, heading, outcome, milliseconds, bytes } = step;
  const { mark, why } = sourceOf(step, before);
  const size = bytes === undefined ? "" : formatSize(bytes);
  const isFailed = outcome === "failed";
  const title = markup`<code class="title">${number}. ${printable(heading)}</code>`;
  const facts = markup`<span class="mark">${mark}</span><span class="end">${ends[outcome]}</span><span>${formatDuration(milliseconds)}</span>`;
  return markup`<li class="${outcome}"><details${isFailed ? open : undefined}>
<summary>${title}${timeLine.bar(step)}<span class="facts">${facts}</span></summary>
<div class="body">
<dl><dt>Layer</dt><dd><code>${id}</code></dd>
<dt>Why</dt><dd>${why}</dd>
<dt>Size</dt><dd>${size === "" ? "no layer in this store" : `${size} of its own`}</dd></dl>
${phaseTable(step)}
${logOf(log, isFailed)}
</div></details></li>
`;
}

/** The attribute of an element that is open. */
const open = markup` open`;

function phaseTable(step: StepRecord): Markup | undefined {
  const totals = phaseTotals([step]);
  if (totals.length === 0) return undefined;
  const rows = totals.map(
    ([phase, total]) =>
      markup`<tr><th scope="row">${phase}</th><td class="number">${formatDuration(total)}</td><td class="note">${phaseNames[phase]}</td></tr>`,
  );
  return markup`<table>${rows}</table>`;
}

function logOf(log: StepLog | undefined, isOpen: boolean): Markup {
  if (!log) return markup`<p class="note">No log.</p>`;
  const lines = log.text.split("\n").length - 1;
  const said = `${log.isCut ? "The end of its log" : "Its log"}, ${lines === 1 ? "1 line" : `${lines} lines`}`;
  return markup`<details class="log"${isOpen ? open : undefined}><summary>${said}</summary>
<pre tabindex="0" role="region" aria-label="${said}">${log.text}</pre></details>`;
}
