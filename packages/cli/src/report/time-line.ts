import { scaleUtc } from "d3-scale";
import type { StepRecord } from "@ob/core";
import { formatDuration } from "../args/units.ts";
import { markup, type Markup } from "./markup.ts";

/** About how many marks the axis has. */
const ticks = 5;

/** Draws the steps of one build along one axis: positions are percents, so that the page can have any width. */
export interface TimeLine {
  /** The axis, with a label at each mark. */
  readonly axis: () => Markup;
  /** The bar of a step, divided into its phases. */
  readonly bar: (step: StepRecord) => Markup;
}

/** @param total how long the build took, in milliseconds. */
export function createTimeLine(total: number): TimeLine {
  // Marks at 5 s, 15 s, 30 s, 1 min and so on: a scale for times, from the beginning of 1970.
  const scale = scaleUtc()
    .domain([new Date(0), new Date(Math.max(1, total))])
    .range([0, 100]);
  const at = (milliseconds: number): number => round(scale(new Date(milliseconds)));
  const marks = scale.ticks(ticks).map((date) => date.getTime());

  return {
    axis: () =>
      markup`<svg class="axis" width="100%" height="22" aria-hidden="true">${marks.map(axisMark)}</svg>`,
    bar: ({ start, milliseconds, outcome, phases }) => {
      const label = `from ${formatDuration(start)} to ${formatDuration(start + milliseconds)}`;
      const grid = marks.map(
        (mark) => markup`<line class="grid" x1="${at(mark)}%" x2="${at(mark)}%" y1="0" y2="16"/>`,
      );
      const whole = rectangle({ start, milliseconds }, `whole ${outcome}`, label);
      const parts = phases.map((each) => {
        const title = `${each.phase} ${formatDuration(each.milliseconds)}`;
        return rectangle({ ...each, start: start + each.start }, `phase ${each.phase}`, title);
      });
      return markup`<svg class="bar" width="100%" height="16" role="img" aria-label="${label}">${grid}${whole}${parts}</svg>`;
    },
  };

  function axisMark(mark: number, index: number): Markup {
    const x = at(mark);
    const anchor = x > 97 ? "end" : x < 5 ? "start" : "middle";
    const kind = index % 2 === 0 ? "mark" : "mark minor";
    const label = markLabel(mark, total);
    return markup`<g class="${kind}"><line x1="${x}%" x2="${x}%" y1="16" y2="22"/><text x="${x}%" y="12" text-anchor="${anchor}">${label}</text></g>`;
  }

  function rectangle(
    { start, milliseconds }: Pick<StepRecord, "start" | "milliseconds">,
    kind: string,
    title: string,
  ): Markup {
    const width = Math.max(0.2, round(at(start + milliseconds) - at(start)));
    return markup`<rect class="${kind}" x="${at(start)}%" y="2" width="${width}%" height="12"><title>${title}</title></rect>`;
  }
}

/** Whole seconds, minutes and hours without a fraction: `30s`, `1m 30s`, `250ms`. */
function markLabel(mark: number, total: number): string {
  if (mark === 0) return "0";
  if (total < 2_000) return `${mark}ms`;
  return formatDuration(mark)
    .replace(/\.0s$/, "s")
    .replace(/ 00[ms]$/, "");
}

function round(percent: number): number {
  return Math.round(percent * 1_000) / 1_000;
}
