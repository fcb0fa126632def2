import { type Part, total } from "./results.ts";

/** One bar per timeline, one colour per phase, seconds on the x axis. */
export interface Bar {
  readonly name: string;
  readonly parts: readonly Part[];
}

const colours: Readonly<Record<string, string>> = {
  prepare: "#9aa5b1",
  boot: "#d98032",
  resume: "#e3b23c",
  login: "#b5544b",
  mount: "#8d6a9f",
  copy: "#3f7cac",
  run: "#4f9d69",
  flush: "#6fb7b7",
  stop: "#52606d",
  commit: "#2f4858",
};
const otherColour = "#c9b8a8";

const left = 230;
const width = 620;
const rowHeight = 34;
const top = 56;

/** Renders an SVG of the phases of steps. */
export function plot(bars: readonly Bar[]): string {
  const longest = Math.max(1, ...bars.map(({ parts }) => total(parts)));
  const scale = (milliseconds: number) => (milliseconds / longest) * width;
  const names = [...new Set(bars.flatMap(({ parts }) => parts.map(({ name }) => name)))];
  const bottom = top + bars.length * rowHeight;
  const rows = bars.map((bar, row) => drawBar(bar, { y: top + row * rowHeight, scale }));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + width + 80}" height="${bottom + 40}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="white"/>
<text x="12" y="22" font-size="15" font-weight="bold">Where a step's time goes</text>
${legend(names)}
${ticks(longest, { bottom, scale }).join("\n")}
${rows.join("\n")}
</svg>
`;
}

interface Place {
  readonly scale: (milliseconds: number) => number;
}

function drawBar({ name, parts }: Bar, { y, scale }: Place & { readonly y: number }): string {
  let x = left;
  const pieces = parts.map((part) => {
    const length = scale(part.milliseconds);
    const piece = `<rect x="${fixed(x)}" y="${y}" width="${fixed(length)}" height="22" fill="${colourOf(part.name)}"><title>${part.name}: ${seconds(part.milliseconds)}</title></rect>`;
    x += length;
    return piece;
  });
  const label = `<text x="${left - 10}" y="${y + 16}" text-anchor="end">${escape(name)}</text>`;
  return `${label}${pieces.join("")}<text x="${fixed(x + 6)}" y="${y + 16}">${seconds(total(parts))}</text>`;
}

function legend(names: readonly string[]): string {
  return names
    .map((name, index) => {
      const x = left + index * 78;
      return `<rect x="${x}" y="31" width="12" height="12" fill="${colourOf(name)}"/><text x="${x + 17}" y="42">${escape(name)}</text>`;
    })
    .join("");
}

function ticks(longest: number, { bottom, scale }: Place & { readonly bottom: number }): readonly string[] {
  const step = [250, 500, 1_000, 2_000, 5_000, 10_000, 20_000].find((each) => longest / each <= 12) ?? 60_000;
  return Array.from({ length: Math.floor(longest / step) + 1 }, (_, tick) => {
    const x = fixed(left + scale(tick * step));
    return `<line x1="${x}" y1="${top - 4}" x2="${x}" y2="${bottom}" stroke="#e4e7eb"/><text x="${x}" y="${bottom + 18}" text-anchor="middle" fill="#52606d">${(tick * step) / 1_000} s</text>`;
  });
}

function colourOf(name: string): string {
  return colours[name] ?? otherColour;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(2)} s`;
}

function fixed(value: number): string {
  return value.toFixed(1);
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
