import stringWidth from "string-width";

/** How many columns of a terminal a text takes, without its control sequences. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** The first line of `text`, in at most that many columns; a mark says that it was cut. */
export function fitLine(text: string, columns: number): string {
  const [first = "", ...more] = text.split("\n");
  if (more.length === 0 && widthOf(first) <= columns) return first;
  let fitted = "";
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(first)) {
    width += widthOf(segment);
    if (width > columns - 1) break;
    fitted += segment;
  }
  return columns > 0 ? `${fitted}…` : "";
}

/** How many rows lines take on a terminal that wraps what is too long. */
export function rowsOf(lines: readonly string[], columns: number): number {
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
}
