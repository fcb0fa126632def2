import type { Phase, StepRecord } from "@ob/core";
import { formatDuration } from "../args/units.ts";
import { markup, type Markup } from "./markup.ts";

/** What each phase is, for people. */
export const phaseNames: Readonly<Record<Phase, string>> = {
  boot: "starting the VM",
  login: "waiting for SSH",
  mount: "mounting caches, putting secrets in place",
  copy: "copying files",
  run: "running the command",
  flush: "flushing the disk",
  stop: "stopping the VM",
  commit: "storing the layer",
};

/** How long the steps were in each phase together, in milliseconds, the longest first. */
export function phaseTotals(
  steps: readonly Pick<StepRecord, "phases">[],
): readonly (readonly [Phase, number])[] {
  const totals = new Map<Phase, number>();
  for (const { phases } of steps) {
    for (const { phase, milliseconds } of phases) totals.set(phase, (totals.get(phase) ?? 0) + milliseconds);
  }
  return [...totals].toSorted((a, b) => b[1] - a[1]);
}

/** The legend of the time line, with the times of all steps. */
export function phaseLegend(steps: readonly StepRecord[]): Markup {
  const totals = phaseTotals(steps);
  if (totals.length === 0) return markup`<p>No step of this build ran a VM.</p>`;
  const items = totals.map(
    ([phase, total]) =>
      markup`<li><svg width="12" height="12" aria-hidden="true"><rect class="phase ${phase}" width="12" height="12"/></svg>
<span><b>${phase}</b> ${formatDuration(total)} <span class="note">${phaseNames[phase]}</span></span></li>`,
  );
  return markup`<ul class="legend">${items}</ul>`;
}
