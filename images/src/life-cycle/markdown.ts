import type { CaseResult } from "./case.ts";
import { countOutcomes, type LifeCycleReport } from "./report.ts";
import { codeSpan, fenced } from "./safe-text.ts";

const words = { passed: "passed", failed: "**failed**", warning: "warning", skipped: "skipped" } as const;

/** The report as Markdown, to be attached to an issue. What does not come from us is in code: there it is no markup. */
export function reportAsMarkdown(report: LifeCycleReport): string {
  const { failed, warning, passed, skipped } = countOutcomes(report.cases);
  const parts = [
    `# Life cycle of ${codeSpan(report.image.name)}: ${report.passed ? "passed" : "FAILED"}`,
    `${passed} passed, ${failed} failed, ${warning} warnings, ${skipped} skipped, in ${seconds(report.milliseconds)}.`,
    table(["", ""], facts(report)),
    "## Cases",
    table(["case", "result", "time"], report.cases.map(caseRow)),
    ...details(report.cases),
    "## Times",
    table(
      ["what", "count", "median", "longest"],
      report.timings.map(({ what, count, median, longest }) => [
        what,
        String(count),
        seconds(median),
        seconds(longest),
      ]),
    ),
    startsOf(report),
    ...(report.warnings.length === 0 ? [] : ["## Warnings of builds", fenced(report.warnings.join("\n"))]),
    "## Image manifest",
    report.image.hasManifest ? "" : "The image has none; this is what the options describe.",
    fenced(JSON.stringify(report.image.manifest, undefined, 2)),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function facts({ host, guest, image, made }: LifeCycleReport): readonly (readonly string[])[] {
  const { manifest } = image;
  return [
    ["OBuilder", codeSpan(host.obuilder)],
    ["QEMU", codeSpan(host.qemu ?? "unknown")],
    ["accelerator", codeSpan(host.accelerator)],
    ["host", codeSpan(`${host.system}, ${host.arch}, ${host.cpus} CPUs, ${host.memoryMib} MiB`)],
    ["guest", codeSpan(`${manifest.guestOs}/${manifest.guestArch}`)],
    ["guest's release", codeSpan(guest.release)],
    ["guest's kernel", codeSpan(guest.system)],
    ["login shell", codeSpan(guest.shell)],
    [
      "virtual size",
      image.virtualSize === undefined ? "" : `${(image.virtualSize / 2 ** 30).toFixed(1)} GiB`,
    ],
    ["date", made],
  ];
}

function caseRow({ name, outcome, reason, milliseconds }: CaseResult): readonly string[] {
  const why = outcome === "skipped" && reason !== undefined ? `: ${codeSpan(reason)}` : "";
  return [
    escapeCell(name),
    `${words[outcome]}${why}`,
    milliseconds === undefined ? "" : seconds(milliseconds),
  ];
}

function details(cases: readonly CaseResult[]): readonly string[] {
  const bad = cases.filter(({ outcome }) => outcome === "failed" || outcome === "warning");
  if (bad.length === 0) return [];
  return [
    "## Failures and warnings",
    ...bad.flatMap(({ name, reason = "", output = "" }) => [
      `### ${escapeCell(name)}`,
      fenced([reason, output].filter((part) => part !== "").join("\n\n")),
    ]),
  ];
}

function startsOf({ starts }: LifeCycleReport): string {
  const { booted, resumed, reused, reasons } = starts;
  const counts = `Machines: ${booted} booted, ${resumed} resumed from a snapshot, ${reused} steps in the machine of the step before.`;
  return reasons.length === 0 ? counts : `${counts}\n\n${fenced(reasons.join("\n"))}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Names of checks can quote a login name. */
function escapeCell(text: string): string {
  return text.replaceAll(/[\\`*_|<>@#[\]]/g, String.raw`\$&`);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
