import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { NonNormalizedSpec } from "vega-lite/types_unstable/spec/index.js";
import type { Run } from "./experiment.ts";
import { percentile } from "./simulate.ts";

interface Panel {
  readonly title: string;
  readonly value: (run: Run) => number | undefined;
  readonly isLogarithmic?: boolean;
}

const panels: readonly Panel[] = [
  {
    title: "Makespan / bound",
    value: ({ outcome }) => outcome.makespan / outcome.bound,
    isLogarithmic: true,
  },
  {
    title: "Slowdown of builds, p95",
    value: ({ outcome }) => percentile(outcome.slowdowns, 0.95),
    isLogarithmic: true,
  },
  { title: "MB moved a step", value: ({ outcome }) => outcome.bytes / outcome.commits / 1e6 },
  { title: "Duplicates (%)", value: ({ outcome }) => (100 * outcome.duplicates) / outcome.commits },
  {
    title: "Takeover (s), p95",
    value: ({ outcome }) => percentile(outcome.takeovers, 0.95),
    isLogarithmic: true,
  },
  {
    title: "Registry MB/s while builds arrive",
    value: ({ outcome }) => outcome.bytesPerSecond / 1e6,
    isLogarithmic: true,
  },
];

const light = { background: "#ffffff", text: "#24292f", grid: "#e4e7eb" };
const dark = { background: "#0d1117", text: "#e6edf3", grid: "#30363d" };

/** Renders an SVG: a panel for each figure, over the number of workers, a line for each policy. It follows the reader's theme. */
export async function figure(runs: readonly Run[]): Promise<string> {
  const view = new View(parse(compile(specOf(runs)).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  const rules = (["background", "text", "grid"] as const).flatMap((part) =>
    ["fill", "stroke"].map((kind) => `[${kind}="${light[part]}"]{${kind}:${dark[part]}}`),
  );
  return `${svg.replace(/>/, `><style>@media (prefers-color-scheme:dark){${rules.join("")}}</style>`)}\n`;
}

function specOf(runs: readonly Run[]): TopLevelSpec {
  const standard = runs.filter(({ variant }) => variant === "");
  return {
    background: light.background,
    padding: 12,
    title: "Simulated clusters: what a job is",
    columns: 3,
    spacing: 30,
    concat: panels.map((panel) => panelOf(panel, standard)),
    config: {
      font: "sans-serif",
      view: { stroke: null },
      title: { color: light.text, anchor: "start", offset: 12 },
      legend: { labelColor: light.text, titleColor: light.text, labelFontSize: 12 },
      axis: {
        ...{ labelColor: light.text, titleColor: light.text, tickColor: light.text, domainColor: light.text },
        gridColor: light.grid,
      },
    },
  };
}

function panelOf({ title, value, isLogarithmic = false }: Panel, runs: readonly Run[]): NonNormalizedSpec {
  return {
    title,
    width: 190,
    height: 150,
    data: {
      values: runs.flatMap((run) => {
        const y = value(run);
        return y === undefined ? [] : [{ workers: run.workers, y, policy: run.policy }];
      }),
    },
    mark: { type: "line", point: { filled: true, size: 40 }, strokeWidth: 2 },
    encoding: {
      x: {
        field: "workers",
        type: "quantitative",
        title: "workers",
        scale: { type: "log", domain: [10, 10_000] },
        axis: { values: [10, 100, 1_000, 10_000], format: ",", labelFlush: false, labelOverlap: false },
      },
      y: {
        field: "y",
        type: "quantitative",
        title: null,
        scale: isLogarithmic ? { type: "log" } : { zero: true },
        axis: { tickCount: 4, format: ",d" },
      },
      color: {
        field: "policy",
        type: "nominal",
        title: "a job is a",
        scale: { domain: ["build", "step", "chain"], range: ["#d98032", "#3f8fc9", "#3f9d63"] },
      },
      shape: {
        field: "policy",
        type: "nominal",
        title: "a job is a",
        scale: { domain: ["build", "step", "chain"], range: ["square", "triangle-up", "circle"] },
      },
    },
  };
}
