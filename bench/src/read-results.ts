/**
 * The median of a metric in a report, which is Markdown: times in seconds, all else in the unit of the report. Undefined if it
 * is not in it.
 */
export function readMedian(markdown: string, name: string): number | undefined {
  const rows = markdown.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const [, , median = ""] = rows.find(([before, title]) => before === "" && title === name) ?? [];
  const [, value, unit] = /^([\d.]+)(?: (\S+))?$/.exec(median) ?? [];
  if (value === undefined) return undefined;
  return Number(value) * (unit === "ms" ? 0.001 : 1);
}
