import { access, constants, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { type GuestArch, ObError } from "@ob/core";
import type { CheckRequest, LifeCycleReport, LifeCycleTools } from "@ob/images";
import type { OptionTable } from "../../args/flags.ts";
import { type Arguments, stringOption } from "../../args/options.ts";
import { formatDuration } from "../../args/units.ts";
import { exitCodes } from "../../exit-codes.ts";
import { lifeCycleEngine } from "../../life-cycle-engine.ts";
import { colorsFor, isSmartTerminal } from "../../output/colors.ts";
import { jsonLine, printable, printableLine } from "../../output/printable.ts";
import { Phases } from "../../progress/image-phases.ts";
import type { Output } from "../../process-io.ts";
import { version } from "../../version.ts";
import type { Session } from "../session.ts";

const group = "check:";

export const lifeCycleOptions: OptionTable = {
  deep: {
    kind: "flag",
    describe: "Run all that a build can do on the image, in a store of its own that is removed afterwards",
    group,
  },
  report: { kind: "value", value: "FILE", describe: "With --deep: write a report in Markdown", group },
};

/** @throws ObError `USAGE` for the option that only `--deep` has. */
export function refuseWithoutDeep(args: Arguments): void {
  if (args["report"] === undefined) return;
  throw new ObError("USAGE", "`image check` takes --report only with --deep.", {
    hint: "Add --deep: it runs all that a build can do on the image, and reports it.",
  });
}

/** @returns the exit code: a check that has failed is no error, so that its report is complete. */
export async function checkDeep(
  args: Arguments,
  { request, session }: { readonly request: CheckRequest; readonly session: Session },
): Promise<number> {
  const { io, color } = session;
  const json = args["json"] === true;
  const file = stringOption(args, "report");
  if (file !== undefined) await checkWritable(file);
  const report = await runCheck(request, session, json ? io.stderr : io.stdout);
  const { reportAsMarkdown } = await import("@ob/images");
  io.restoreUmask?.();
  if (file !== undefined) await writeFile(file, reportAsMarkdown(report));
  const colors = colorsFor(io.stdout, { mode: color, env: io.env });
  if (json) io.stdout.write(`${jsonLine(report)}\n`);
  else io.stdout.write(summary(report, file, colors.red));
  return report.passed ? exitCodes.ok : exitCodes.failure;
}

async function runCheck(request: CheckRequest, session: Session, output: Output): Promise<LifeCycleReport> {
  const { io, color } = session;
  const { checkLifeCycle } = await import("@ob/images");
  const colors = colorsFor(output, { mode: color, env: io.env });
  using phases = new Phases(output, { colors, live: isSmartTerminal(output, io.env) });
  return await checkLifeCycle(request, {
    ...lifeCycleTools(session),
    onEvent: (event) => phases.show(event),
    signal: io.signal,
  });
}

function lifeCycleTools({ services, location, flags, emit, verbosity }: Session): LifeCycleTools {
  return {
    store: location.directory,
    openEngine: async (directory) => {
      const own = { kind: location.kind, directory };
      const { startSmokeTest } = await services.imageTools({ location: own, flags, emit });
      return lifeCycleEngine(await services.openBuilder({ location: own, flags, emit }), startSmokeTest);
    },
    describeHost: async (arch: GuestArch, signal: AbortSignal) => {
      const found = await services.diagnoseQemu(arch, signal);
      const { accelerator } = flags;
      return {
        obuilder: version().trim(),
        qemu: found.version,
        accelerator: accelerator === "auto" ? (found.accelerator?.name ?? "unknown") : accelerator,
      };
    },
    emit: (event) => {
      // Those are in the report.
      if (verbosity !== "warning" || event.type !== "log" || event.level !== "warning") emit(event);
    },
  };
}

/** Before the check, which takes minutes. @throws ObError `USAGE`. */
async function checkWritable(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  const target = found ? file : path.dirname(path.resolve(file));
  const writable = await access(target, constants.W_OK).then(
    () => found?.isDirectory() !== true,
    () => false,
  );
  if (writable) return;
  throw new ObError("USAGE", `The report ${file} cannot be written.`, {
    hint: "Give a file in a directory that exists and that you may write to.",
  });
}

function summary(
  { cases, milliseconds, passed, image }: LifeCycleReport,
  file: string | undefined,
  red: (text: string) => string,
): string {
  const count = (outcome: string): number => cases.filter((each) => each.outcome === outcome).length;
  const failures = cases
    .filter(({ outcome }) => outcome === "failed")
    .map(({ name, reason = "", output = "" }) => {
      const lines = [reason, ...output.split("\n")].filter((line) => line !== "");
      return `\n${red("fail")}  ${printableLine(name)}\n${lines.map((line) => `      ${printable(line)}\n`).join("")}`;
    });
  const counts = `${count("passed")} passed, ${count("failed")} failed, ${count("warning")} warnings, ${count("skipped")} skipped`;
  const head = `${printableLine(image.name)}: ${passed ? "OK" : red("FAILED")} (${counts}; ${formatDuration(milliseconds)})\n`;
  const written = file === undefined ? "" : `Wrote ${file}\n`;
  return `${failures.join("")}${failures.length > 0 ? "\n" : ""}${head}${written}`;
}
