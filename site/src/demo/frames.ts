import xterm from "@xterm/headless";
import type { Cast } from "./cast.ts";

/** What the terminal shows from `time` on, in seconds. */
export interface Frame {
  readonly time: number;
  /** One for each row of the terminal, without the empty ones at its end. */
  readonly rows: readonly (readonly Run[])[];
}

/** Characters of a row that look the same. */
export interface Run {
  /** Of the first, from 0. */
  readonly column: number;
  readonly text: string;
  /** In columns: characters of East Asia and pictures take two. */
  readonly width: number;
  readonly style: Style;
}

export interface Style {
  /** A number of the palette, or `#rrggbb`; undefined is that of the terminal. */
  readonly color?: number | string;
  readonly background?: number | string;
  readonly bold?: true;
  readonly dim?: true;
  readonly italic?: true;
  readonly underline?: true;
}

/** Changes that follow each other within this time are one frame, in seconds. */
const shortest = 0.12;

/** The frames of a recording: the screen after each event, but not more than some a second, and none twice. */
export async function framesOf(cast: Cast): Promise<readonly Frame[]> {
  const terminal = new xterm.Terminal({ cols: cast.columns, rows: cast.rows, allowProposedApi: true });
  const frames: Frame[] = [{ time: 0, rows: [] }];
  let shown = JSON.stringify([]);
  /** When the first change came that is not shown yet. */
  let waiting: number | undefined;
  for (const [index, { time, text }] of cast.events.entries()) {
    await new Promise<void>((resolve) => {
      terminal.write(text, resolve);
    });
    waiting ??= time;
    const next = cast.events[index + 1]?.time ?? Infinity;
    // The last of several changes is shown: it is what stays.
    if (next - time < shortest && next - waiting < 2 * shortest) continue;
    waiting = undefined;
    const rows = rowsOf(terminal);
    const look = JSON.stringify(rows);
    if (look === shown) continue;
    shown = look;
    frames.push({ time, rows });
  }
  terminal.dispose();
  return frames;
}

type Terminal = InstanceType<typeof xterm.Terminal>;
type Cell = NonNullable<
  ReturnType<NonNullable<ReturnType<Terminal["buffer"]["active"]["getLine"]>>["getCell"]>
>;

function rowsOf(terminal: Terminal): readonly (readonly Run[])[] {
  const { active } = terminal.buffer;
  const rows = Array.from({ length: terminal.rows }, (_, row) => {
    const line = active.getLine(active.viewportY + row);
    const cells = Array.from({ length: terminal.cols }, (_unused, column) => line?.getCell(column));
    return runsOf(cells);
  });
  return rows.slice(0, rows.findLastIndex((runs) => runs.length > 0) + 1);
}

function runsOf(cells: readonly (Cell | undefined)[]): readonly Run[] {
  const runs: Run[] = [];
  for (const [column, cell] of cells.entries()) {
    // The second half of a wide character has no width.
    if (cell === undefined || cell.getWidth() === 0) continue;
    const style = styleOf(cell);
    const text = cell.getChars() === "" ? " " : cell.getChars();
    const last = runs.at(-1);
    if (last !== undefined && JSON.stringify(last.style) === JSON.stringify(style))
      runs[runs.length - 1] = { ...last, text: last.text + text, width: last.width + cell.getWidth() };
    else runs.push({ column, text, width: cell.getWidth(), style });
  }
  return runs.flatMap(withoutBlanks);
}

/** Blanks around a run are not drawn, unless they have a background or a line. */
function withoutBlanks(run: Run): readonly Run[] {
  if (run.style.background !== undefined || run.style.underline) return [run];
  const text = run.text.trim();
  const leading = run.text.length - run.text.trimStart().length;
  const width = run.width - (run.text.length - text.length);
  return text === "" ? [] : [{ ...run, column: run.column + leading, text, width }];
}

function styleOf(cell: Cell): Style {
  const front = cell.isFgDefault() ? undefined : colorOf(cell.getFgColor(), cell.isFgRGB());
  const back = cell.isBgDefault() ? undefined : colorOf(cell.getBgColor(), cell.isBgRGB());
  const [color, background] = cell.isInverse() ? [back ?? "back", front ?? "front"] : [front, back];
  return {
    ...(color !== undefined && { color }),
    ...(background !== undefined && { background }),
    ...(cell.isBold() && { bold: true }),
    ...(cell.isDim() && { dim: true }),
    ...(cell.isItalic() && { italic: true }),
    ...(cell.isUnderline() && { underline: true }),
  };
}

function colorOf(value: number, isRgb: boolean): number | string {
  if (isRgb) return `#${value.toString(16).padStart(6, "0")}`;
  return value < 16 ? value : extendedColor(value);
}

/** Of the palette of 256: a cube of six steps for each of red, green and blue, and 24 greys. */
function extendedColor(value: number): string {
  const grey = 8 + (value - 232) * 10;
  const step = (size: number) => [0, 95, 135, 175, 215, 255][Math.floor((value - 16) / size) % 6] ?? 0;
  const parts = value >= 232 ? [grey, grey, grey] : [step(36), step(6), step(1)];
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}
