import type { AsRootCommand } from "./access.ts";
import type { AfterLogin, Baseline, ParsedBaseline, VmReuse } from "../profile.ts";
import {
  diffStates,
  filesInMemory,
  hasFilesNewerThan,
  mountsInMemory,
  queueMount,
  unitsOf,
  withFilesInMemory,
} from "./baseline.ts";
import { processesIn, programsIn, turnsIn } from "./boot-info.ts";
import { parseClocks } from "./clocks.ts";
import { diskArgs } from "./disk-args.ts";
import { type CapturedState, parseCapturedState, parseReportedState } from "./guest-state.ts";
import { frozenMarker } from "./markers.ts";
import * as scripts from "./scripts.generated.ts";

export function linuxVmReuse(loginUser: string, asRootCommand: AsRootCommand): VmReuse {
  return {
    captureBaseline: (bootInfo) => ({
      phase: "login",
      purpose: "capture the baseline",
      ...asRootCommand(scripts.captureBaseline, [
        scripts.captureInBootShell,
        loginUser,
        programsIn(bootInfo),
      ]),
      failure: "GUEST_LOST",
    }),
    parseBaseline: (output) => parseBaseline(output, asRootCommand),
    thaw: (now) => ({
      phase: "login",
      purpose: "thaw its file systems",
      ...asRootCommand(scripts.thaw, [(now.getTime() / 1000).toFixed(3)]),
      failure: "GUEST_LOST",
    }),
    exchangeDisks: {
      release: (count) => ({
        phase: "mount",
        purpose: "release the disks of its caches",
        ...asRootCommand(
          scripts.releaseDisks,
          Array.from({ length: count }, (_, index) => diskArgs(index + 1)).flat(),
        ),
        failure: "CACHE",
      }),
      take: (count) => ({
        phase: "mount",
        purpose: "take the disks of its caches",
        ...asRootCommand(scripts.takeDisks, [String(count)]),
        failure: "CACHE",
      }),
    },
  };
}

const refusal = "no: ";

function parseBaseline(output: string, asRootCommand: AsRootCommand): ParsedBaseline {
  const reason = output.split("\n").find((line) => line.startsWith(refusal));
  if (reason !== undefined) return { kind: "refused", reason: reason.slice(refusal.length) };
  const parsed = parseCapturedState(output);
  if (parsed.kind === "malformed") {
    return { kind: "refused", reason: `its baseline is malformed: ${parsed.reason}` };
  }
  return { kind: "baseline", baseline: baselineOf(parsed.state, asRootCommand) };
}

function baselineOf(state: CapturedState, asRootCommand: AsRootCommand): Baseline {
  return {
    resetAndFlush: (bootInfo) => ({
      phase: "flush",
      purpose: "reset its state and flush its disks",
      ...asRootCommand(scripts.resetAndFlush, [scripts.resetInBootShell, ...resetArguments(state, bootInfo)]),
      failure: "UNCLEAN_STOP",
      frozen: frozenMarker,
    }),
    withClock: (output) =>
      baselineOf({ ...state, ...parseClocks(output), turns: turnsIn(output) ?? state.turns }, asRootCommand),
    hasFilesNewerThan: (since) => hasFilesNewerThan(state, since),
    afterLogin: unitsOf(state).length === 0 ? undefined : afterLogin(state, asRootCommand),
    diff: (report) => {
      const now = parseReportedState(report);
      return now.kind === "malformed"
        ? `its report is malformed: ${now.reason}`
        : diffStates(state, now.state);
    },
  };
}

/** logind makes files and a scope for each session. */
function afterLogin(state: CapturedState, asRootCommand: AsRootCommand): AfterLogin {
  return {
    command: {
      phase: "login",
      purpose: "list its files in memory",
      ...asRootCommand(scripts.listFilesInMemory, mountsInMemory(state)),
      failure: "GUEST_LOST",
    },
    apply: (output) => {
      const now = parseReportedState(output);
      if (now.kind === "malformed" || now.state.mounts.length === 0) return undefined;
      return baselineOf({ ...withFilesInMemory(state, now.state), turns: turnsIn(output) }, asRootCommand);
    },
  };
}

/** The arguments of reset-in-boot-shell.sh. */
function resetArguments(state: CapturedState, bootInfo: string): readonly string[] {
  const { mounts, home, settingNames, settings, watched } = state;
  return [
    processesIn(bootInfo),
    mounts.map(({ id }) => id).join(" "),
    [...new Set(mounts.map(({ device }) => device))].join(" "),
    mountsInMemory(state).join(" "),
    queueMount(state) ?? "",
    home,
    settingNames.join(" "),
    settings.digest,
    programsIn(bootInfo),
    filesInMemory(state)
      .map(({ path }) => path)
      .join("\n"),
    unitsOf(state).join(" "),
    state.turns ?? "",
    watched.join(" "),
  ];
}
