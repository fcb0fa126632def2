import type { Baseline, GuestCommand, ParsedBaseline, VmReuse } from "../profile.ts";
import type { RootAccess } from "../posix/root.ts";
import * as scripts from "./scripts.generated.ts";

/** The line that reset-and-flush.sh prints once all file systems are read-only. */
const frozenMarker = "obuilder: frozen";

const refusal = "no: ";

/**
 * How an OpenBSD is reused, on request: a step's processes are ended, what is mounted is compared, and the file systems are made
 * read-only, and thereby clean, while the disk is replaced. All else stays as the step has left it.
 */
export function openbsdVmReuse(root: RootAccess, processesIn: (bootInfo: string) => string): VmReuse {
  const asRoot = (
    purpose: string,
    script: string,
    args: readonly string[] = [],
  ): Pick<GuestCommand, "purpose" | "command" | "framed"> => ({ purpose, ...root.command(script, args) });
  const baselineOf = (mounts: readonly string[]): Baseline => ({
    resetAndFlush: (bootInfo) => ({
      phase: "flush",
      ...asRoot("end what the step has left, and flush", scripts.resetAndFlush, [processesIn(bootInfo)]),
      failure: "UNCLEAN_STOP",
      frozen: frozenMarker,
    }),
    withClock: () => baselineOf(mounts),
    // It is not kept beside a snapshot: there is none.
    hasFilesNewerThan: () => true,
    diff: (report) => firstDifference(mounts, mountsIn(report)),
  });
  const parseBaseline = (output: string): ParsedBaseline => {
    const reason = output.split("\n").find((line) => line.startsWith(refusal));
    if (reason !== undefined) return { kind: "refused", reason: reason.slice(refusal.length) };
    const mounts = mountsIn(output);
    if (mounts.length === 0) return { kind: "refused", reason: "it does not say what is mounted" };
    return { kind: "baseline", baseline: baselineOf(mounts) };
  };
  return {
    onRequest: true,
    changesDisks: false,
    captureBaseline: () => ({
      phase: "login",
      ...asRoot("capture the baseline", scripts.captureBaseline),
      failure: "GUEST_LOST",
    }),
    parseBaseline,
    thaw: (now) => ({
      phase: "login",
      ...asRoot("thaw its file systems", scripts.thaw, [clockWord(now)]),
      failure: "GUEST_LOST",
    }),
    bootInfoAfter: (output) => output,
  };
}

/** The lines of file-systems.sh. */
function mountsIn(output: string): readonly string[] {
  return output.split("\n").filter((line) => line.startsWith("mount: "));
}

function firstDifference(before: readonly string[], now: readonly string[]): string | undefined {
  const isNew = (known: readonly string[]) => (line: string) => !known.includes(line);
  return now.find(isNew(before)) ?? before.find(isNew(now));
}

/** As date(1) takes it with -u: CCYYMMDDhhmm.ss. */
export function clockWord(time: Date): string {
  const digits = time.toISOString().replaceAll(/\D/g, "");
  return `${digits.slice(0, 12)}.${digits.slice(12, 14)}`;
}
