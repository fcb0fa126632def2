import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { colorsFor } from "../output/colors.ts";
import { Screen } from "../testing/terminal.ts";
import { VirtualTerminal } from "../testing/virtual-terminal.ts";
import { Phases } from "./image-phases.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
afterEach(() => void vi.useRealTimers());

const colors = colorsFor(new Screen(), { mode: "never", env: {} });

it("prints a line for each phase at its end, and one for each check", () => {
  const screen = new Screen();
  using phases = new Phases(screen, { colors, live: false });
  phases.show({ type: "phase-started", phase: "Boot it" });
  phases.show({ type: "check", what: "has bash", outcome: "passed", detail: "/bin/bash" });
  phases.show({ type: "check", what: "has gtar", outcome: "warning" });
  phases.show({
    type: "check",
    what: "runs",
    outcome: "failed",
    detail: "no\x1b[2J\n\x07",
    milliseconds: 1200,
  });
  phases.show({ type: "check", what: "resumes", outcome: "skipped" });
  phases.show({
    type: "speed",
    speed: {
      first: { kind: "booted", why: "random-numbers", detail: "no\x1b[2J perl" },
      further: { kind: "reused" },
      possiblePoints: [],
    },
  });
  phases.show({ type: "phase-finished", phase: "Boot it", milliseconds: 61_400 });
  phases.show({ type: "note", text: "and so on" });
  expect(screen.text.split("\n")).toEqual([
    "    ok  has bash: /bin/bash",
    "  warn  recommended: has gtar",
    String.raw`  fail  runs: no \x07 (1.2s)`,
    "  skip  resumes",
    " speed  a first step boots a VM: a resumed guest could not be given random numbers of its own (no perl)",
    " speed  a further step runs in the VM of the one before",
    "        With perl or python3 in the image, a first step can resume a snapshot.",
    "  61 s  Boot it",
    "        and so on",
    "",
  ]);
});

it("shows the running phase and its progress on a terminal, and removes the line when the work fails", async () => {
  const terminal = new VirtualTerminal(60, 10);
  const phases = new Phases(terminal, { colors, live: true });
  phases.show({ type: "phase-started", phase: "Download" });
  phases.show({ type: "phase-progress", phase: "Download", done: 256 << 20, total: 1 << 30 });
  vi.advanceTimersByTime(2_000);
  expect(await terminal.lines()).toEqual(["   2 s  Download … 25 % of 1.0 GiB"]);
  phases.show({ type: "note", text: "a remark" });
  expect(await terminal.lines()).toEqual(["        a remark", "   2 s  Download … 25 % of 1.0 GiB"]);
  phases[Symbol.dispose]();
  expect(await terminal.lines()).toEqual(["        a remark"]);
});
