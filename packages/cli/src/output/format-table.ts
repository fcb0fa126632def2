import { printableLine } from "./printable.ts";

export interface TableOptions {
  readonly rows: readonly (readonly string[])[];
  /** The left-aligned columns; the others, numbers, are right-aligned. By default the first. */
  readonly left?: readonly number[] | undefined;
}

/** A table for people, each line with its line end; control characters in cells are escaped; empty without rows. */
export function formatTable(head: readonly string[], { rows, left = [0] }: TableOptions): string {
  if (rows.length === 0) return "";
  const lines = [head, ...rows.map((row) => row.map(printableLine))];
  const widths = head.map((_, column) => Math.max(...lines.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return left.includes(column) ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd();
  return lines.map((row) => `${line(row)}\n`).join("");
}
