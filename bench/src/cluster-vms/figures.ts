import { median } from "../results.ts";

/** What was measured of one thing. */
export interface Figure {
  readonly title: string;
  readonly samples: readonly number[];
  readonly unit: "ms" | "s" | "MB" | "KB" | "";
  /** What it must be at most, or exactly. */
  readonly aim?: { readonly kind: "at most" | "exactly"; readonly limit: number };
  /** Which of the samples counts; by default the median. */
  readonly counts?: "max" | undefined;
}

export function valueOf({ samples, counts }: Figure): number {
  return (counts === "max" ? Math.max(...samples) : median(samples)) ?? Number.NaN;
}

export function isMet(figure: Figure): boolean {
  const { aim } = figure;
  if (!aim) return true;
  const value = valueOf(figure);
  return aim.kind === "exactly" ? value === aim.limit : value <= aim.limit;
}

export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { title, aim, counts, samples } = figure;
    const sign = aim && (aim.kind === "exactly" ? "=" : "≤");
    const spread =
      samples.length > 1
        ? `${samples.length}: ${text(figure, Math.min(...samples))} to ${text(figure, Math.max(...samples))}`
        : "1";
    return [
      title,
      aim ? `${sign} ${text(figure, aim.limit)}` : "",
      `${text(figure, valueOf(figure))}${counts === "max" && samples.length > 1 ? " (longest)" : ""}`,
      aim ? (isMet(figure) ? "met" : "**not met**") : "",
      spread,
    ];
  });
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const titles = ["", "aim", "measured", "", "samples"];
  return [line(titles), line(titles.map(() => "---")), ...rows.map(line)].join("\n");
}

function text({ unit }: Figure, value: number): string {
  const digits = unit === "ms" || Number.isInteger(value) ? 0 : value < 0.1 ? 3 : 2;
  return `${value.toFixed(digits)}${unit === "" ? "" : ` ${unit}`}`;
}

/** The value that a share of the samples is at most. */
export function percentileOf(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
