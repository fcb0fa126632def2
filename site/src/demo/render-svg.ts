import type { Frame, Run, Style } from "./frames.ts";
import { paletteStyle } from "./palette.ts";

export interface SvgOptions {
  readonly columns: number;
  readonly rows: number;
  readonly title: string;
  /** What is to be seen, for those who do not see it. */
  readonly description: string;
  /** When it begins anew, in seconds. */
  readonly duration: number;
}

/** Of a character, and from its row's top to where it stands, in pixels. */
const cell = { width: 8.4, height: 19, baseline: 14 };
/** Around the characters, and above them for the title bar, in pixels. */
const margin = { side: 14, top: 38, bottom: 12 };

/**
 * An animation without scripts: the frames stand below each other in a strip that CSS moves, a frame at a time. Who wants
 * less motion sees the last one. A row that is in several frames is there once.
 */
export function renderSvg(frames: readonly Frame[], options: SvgOptions): string {
  const { columns, rows, title, description } = options;
  const width = Math.ceil(columns * cell.width) + 2 * margin.side;
  const height = rows * cell.height;
  const lines = new Map<string, number>();
  const strip = frames.map((frame, index) => frameGroup(frame, { top: index * height, lines }));
  const definitions = [...lines].map(([line, id]) => `<g id="l${id}">${line}</g>`);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + margin.top + margin.bottom}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(description)}</desc>`,
    `<style>${paletteStyle}${animation(frames, { height, duration: options.duration })}</style>`,
    `<defs>${definitions.join("\n")}</defs>`,
    `<rect class="window" x=".5" y=".5" width="${width - 1}" height="${height + margin.top + margin.bottom - 1}" rx="8"/>`,
    `<g class="buttons"><circle cx="18" cy="17" r="5"/><circle cx="35" cy="17" r="5"/><circle cx="52" cy="17" r="5"/></g>`,
    `<svg x="${margin.side}" y="${margin.top}" width="${width - 2 * margin.side}" height="${height}"><g class="strip">`,
    ...strip,
    `</g></svg>`,
    `</svg>`,
  ].join("\n")}\n`;
}

interface StripPlace {
  /** Of the frame in the strip, in pixels. */
  readonly top: number;
  /** The rows that are known, with their numbers. */
  readonly lines: Map<string, number>;
}

function frameGroup({ rows }: Frame, { top, lines }: StripPlace): string {
  const uses = rows.flatMap((runs, row) => {
    if (runs.length === 0) return [];
    const line = runs.map(runElement).join("");
    const id = lines.get(line) ?? lines.size;
    lines.set(line, id);
    return [`<use href="#l${id}" y="${top + row * cell.height}"/>`];
  });
  return `<g>${uses.join("")}</g>`;
}

/** Its length is given, so that columns stay one below the other whatever font a reader has. */
function runElement({ column, text, width, style }: Run): string {
  const x = Number((column * cell.width).toFixed(1));
  const length = Number((width * cell.width).toFixed(1));
  const { background } = style;
  const box =
    background === undefined
      ? ""
      : `<rect x="${x}" width="${length}" height="${cell.height}"${paint(background)}/>`;
  const fit = width > 1 ? ` textLength="${length}"` : "";
  return `${box}<text x="${x}" y="${cell.baseline}"${fit}${look(style)}>${escaped(text)}</text>`;
}

function look({ color, bold, dim, italic, underline }: Style): string {
  const flags = [bold && "b", dim && "d", italic && "i", underline && "u"].filter(Boolean);
  const named = color === undefined || String(color).startsWith("#") ? [] : [`c${color}`];
  const classes = [...named, ...flags];
  const literal = named.length === 0 && color !== undefined ? ` fill="${color}"` : "";
  return `${classes.length === 0 ? "" : ` class="${classes.join(" ")}"`}${literal}`;
}

function paint(color: number | string): string {
  return String(color).startsWith("#") ? ` fill="${color}"` : ` class="c${color}"`;
}

interface AnimationOptions {
  /** Of a frame, in pixels. */
  readonly height: number;
  readonly duration: number;
}

function animation(frames: readonly Frame[], { height, duration }: AnimationOptions): string {
  const places = frames.map(({ time }, index) => {
    const share = Number(((time / duration) * 100).toFixed(3));
    return `${share}%{transform:translateY(-${index * height}px)}`;
  });
  const last = `translateY(-${(frames.length - 1) * height}px)`;
  return [
    `@keyframes play{${places.join("")}to{transform:${last}}}`,
    `.strip{animation:play ${duration}s step-end infinite}`,
    `@media (prefers-reduced-motion:reduce){.strip{animation:none;transform:${last}}}`,
  ].join("");
}

/** Of a document of XML, which has no control characters. */
function escaped(text: string): string {
  return text
    .replaceAll(/\p{Cc}/gu, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
