import { execa } from "execa";
import { cpus, totalmem } from "node:os";
import { targets, isMet } from "./targets.ts";
import { metricGroups, formatMetric, formatSpread } from "./metrics.ts";
import type { Results } from "./results.ts";

/** Renders the results as Markdown, without metrics that were not measured. */
export async function report(results: Results, command: string): Promise<string> {
  const sections = metricGroups.flatMap(({ title, rows }) => {
    const lines = rows.flatMap(([name, reference]) => {
      const value = results.median(name);
      if (value === undefined) return [];
      const ratio = reference === undefined ? undefined : results.ratio(name, reference);
      const relative = ratio === undefined || name === reference ? "" : `${digits(ratio)} × ${reference}`;
      return [`| ${name} | ${formatMetric(name, value)} | ${relative} | ${formatSpread(results, name)} |`];
    });
    if (lines.length === 0) return [];
    return [
      `### ${title}`,
      "",
      "| | median | relative to | samples |",
      "| --- | --- | --- | --- |",
      ...lines,
      "",
    ];
  });
  return [...(await where(command)), "", ...targetTable(results), "", ...sections].join("\n").trimEnd();
}

function targetTable(results: Results): readonly string[] {
  const rows = targets.flatMap((target) => {
    const value = target.value(results);
    if (value === undefined) return [];
    const sign = target.kind === "at most" ? "≤" : "≥";
    return [
      `| ${target.title} | ${sign} ${target.limit} | ${digits(value)} | ${isMet(target, value) ? "met" : "**not met**"} |`,
    ];
  });
  return rows.length === 0
    ? []
    : ["| ratio in one run | target | measured | |", "| --- | --- | --- | --- |", ...rows];
}

async function where(command: string): Promise<readonly string[]> {
  const { stdout } = await execa("qemu-system-x86_64", ["--version"]);
  const [cpu] = cpus();
  const machine = `${cpus().length} × ${cpu?.model ?? "unknown CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const [qemu = ""] = stdout.split("\n");
  return [
    `- date: ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    `- command: \`${command}\``,
    `- machine: ${machine}, Node.js ${process.versions.node}, ${qemu}`,
  ];
}

function digits(ratio: number): string {
  return ratio < 0.1 ? ratio.toFixed(3) : ratio.toFixed(2);
}
