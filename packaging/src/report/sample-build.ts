import { join } from "node:path";
import {
  baseLayerId,
  type BuildRecord,
  type LayerId,
  layerId,
  type PhaseTime,
  sha256,
  type StepRecord,
} from "@ob/core";
import { openStore } from "@ob/store-qcow";

/** What a guest, a spec or a file name may say to get out of the page. */
export const hostile = `</pre></details><script>document.title = "taken"</script><img src="/x" onerror="document.title = 'taken'">`;

const toolsBase = baseLayerId("debian-12-amd64");
const id = (name: string): LayerId => layerId(sha256(name));

/** Phases one after the other, from the begin of a step. */
function inOrder(...parts: readonly (readonly [PhaseTime["phase"], number])[]): readonly PhaseTime[] {
  let start = 20;
  return parts.map(([phase, milliseconds]) => {
    const time = { phase, start, milliseconds };
    start += milliseconds;
    return time;
  });
}

const steps: readonly StepRecord[] = [
  {
    ...{
      id: toolsBase,
      op: "from",
      heading: "(from debian-12-amd64)",
      build: ["tools"],
      start: 12,
      milliseconds: 3,
    },
    ...{ outcome: "cached", phases: [], bytes: 362_807_296 },
  },
  {
    ...{
      id: id("apt"),
      op: "run",
      heading: '/: (run (shell "apt-get update && apt-get install -y build-essential"))',
    },
    ...{
      build: ["tools"],
      start: 18,
      milliseconds: 61_400,
      outcome: "saved",
      vmStart: "resume",
      bytes: 301_989_888,
    },
    phases: inOrder(
      ["boot", 1_900],
      ["login", 900],
      ["mount", 300],
      ["run", 55_200],
      ["flush", 1_700],
      ["stop", 900],
      ["commit", 350],
    ),
  },
  {
    ...{
      id: id("copy"),
      op: "copy",
      heading: "/src: (copy (src .) (dst /src/))",
      build: ["tools"],
      start: 61_430,
    },
    ...{ milliseconds: 4_200, outcome: "saved", vmStart: "reuse", bytes: 9_437_184 },
    phases: inOrder(["copy", 3_300], ["flush", 500], ["commit", 200]),
  },
  {
    ...{
      id: toolsBase,
      op: "from",
      heading: "(from debian-12-amd64)",
      build: [],
      start: 65_640,
      milliseconds: 2,
    },
    ...{ outcome: "cached", phases: [], bytes: 362_807_296 },
  },
  {
    ...{
      id: id("make"),
      op: "run",
      heading: `/src: (run (network host)\n        (shell "make ${hostile}"))`,
      build: [],
    },
    ...{ start: 65_650, milliseconds: 31_000, outcome: "failed", vmStart: "boot" },
    phases: inOrder(["boot", 9_800], ["login", 1_600], ["run", 18_400], ["stop", 700]),
  },
];

const started = new Date(Date.UTC(2026, 10, 28, 8, 0));

export const sample: BuildRecord = {
  ...{ id: "5f0c21aa00bb", spec: `example ${hostile}.spec`, context: "/home/user/project", started, steps },
  ...{ finished: new Date(started.getTime() + 96_700), outcome: "failed", errorCode: "STEP_FAILED" },
};

/** Makes a store, in which this build has run, below a directory. @returns its path. */
export async function makeStore(work: string): Promise<string> {
  const directory = join(work, "store");
  await using store = await openStore({ directory, create: true });
  store.builds.add(sample);
  const lines = Array.from({ length: 400 }, (_, index) => `cc -c file-${index}.c -o file-${index}.o`);
  for (const [layer, log] of [
    [id("apt"), "\u001b[32mReading package lists...\u001b[0m\n10%\r100%\n"],
    [id("copy"), ""],
    [id("make"), [...lines, "x".repeat(2_000), hostile, "make: *** [all] Error 2", ""].join("\n")],
  ] as const) {
    await using writer = await store.tryBegin(layer);
    writer?.appendLog(Buffer.from(log));
  }
  return directory;
}
