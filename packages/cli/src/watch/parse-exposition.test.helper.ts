/** A metric family of Prometheus' text format. */
export interface Family {
  readonly type: string;
  readonly help: string;
  /** The values by series, as `name{label="value"}`. */
  readonly samples: Map<string, number>;
}

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const comment = new RegExp(`^# (HELP|TYPE) (${name}) (.*)$`);
const label = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"`;
const sample = new RegExp(String.raw`^(${name})(\{(?:${label}(?:,${label})*)?\})? (\S+)$`);
const suffixes: Readonly<Record<string, RegExp>> = {
  histogram: /_(bucket|sum|count)$/,
  summary: /_(sum|count)$/,
};

/**
 * Parses Prometheus' text format strictly: every family has one HELP and one TYPE before its samples, no series comes
 * twice, the buckets of histograms are cumulative and end with `+Inf`, counters are not negative.
 */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  let current: string | undefined;
  let help: string | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    const [, kind, family = "", rest = ""] = comment.exec(line) ?? [];
    if (kind === "HELP") {
      if (families.has(family) || rest === "") throw new Error(`a second or empty help: ${line}`);
      [current, help] = [family, rest];
    } else if (kind === "TYPE") {
      if (family !== current || help === undefined) throw new Error(`a type without help: ${line}`);
      if (!/^(counter|gauge|histogram|summary)$/.test(rest)) throw new Error(`not a type: ${line}`);
      families.set(family, { type: rest, help, samples: new Map() });
    } else
      addSample(line, current === undefined ? undefined : { name: current, family: families.get(current) });
  }
  for (const [each, family] of families) if (family.type === "histogram") checkHistogram(each, family);
  return families;
}

function addSample(line: string, current: { name: string; family: Family | undefined } | undefined): void {
  const [, series = "", labels = "", text = ""] = sample.exec(line) ?? [];
  const { family } = current ?? {};
  if (series === "" || !current || !family) throw new Error(`not a sample: ${line}`);
  const suffix = suffixes[family.type];
  if (series !== current.name && (!suffix || series.replace(suffix, "") !== current.name)) {
    throw new Error(`a sample of another family: ${line}`);
  }
  const value = text === "+Inf" ? Infinity : Number(text);
  if (Number.isNaN(value) && text !== "NaN") throw new Error(`not a number: ${line}`);
  if (family.type === "counter" && !(value >= 0)) throw new Error(`a counter below 0: ${line}`);
  if (family.samples.has(series + labels)) throw new Error(`a series twice: ${line}`);
  family.samples.set(series + labels, value);
}

function checkHistogram(family: string, { samples }: Family): void {
  const last = new Map<string, number>();
  for (const [series, value] of samples) {
    if (!series.startsWith(`${family}_bucket`)) continue;
    const others = series.replace(/,?le="[^"]*"/, "").replace("{,", "{");
    if (value < (last.get(others) ?? 0)) throw new Error(`buckets go down: ${series}`);
    last.set(others, value);
    const count = samples.get(others.replace("_bucket", "_count").replace("{}", ""));
    if (series.includes('le="+Inf"') && value !== count) throw new Error(`+Inf is not the count: ${series}`);
  }
}
