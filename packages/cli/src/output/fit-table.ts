import { formatTable } from "./format-table.ts";
import { printableLine } from "./printable.ts";

export interface FitOptions {
  readonly rows: readonly (readonly string[])[];
  /** The left-aligned columns besides the last. */
  readonly left: readonly number[];
  /** How wide the table may get, in characters; undefined for any width. */
  readonly columns: number | undefined;
}

/** What the last column has at least, in characters. */
const least = 8;

/** A table whose last column is cut so that its lines fit. */
export function fitTable(head: readonly string[], { rows, left, columns }: FitOptions): string {
  const last = head.length - 1;
  const lines = rows.map((row) => row.map(printableLine));
  const widths = head.slice(0, last).map((name, column) => {
    return Math.max(name.length, ...lines.map((row) => row[column]?.length ?? 0)) + 2;
  });
  const taken = widths.reduce((sum, width) => sum + width, 0);
  const room = columns === undefined ? Infinity : Math.max(least, columns - taken);
  const fitted = lines.map((row) => row.map((cell, column) => (column === last ? cut(cell, room) : cell)));
  return formatTable(head, { rows: fitted, left: [...left, last] });
}

/** A text of that length at most; a mark says that it was cut. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}
