import { type CaseOutput, type CaseSubject, expectLines, type LifeCycleCase, runOp } from "../case.ts";

/** The greatest difference between the clocks of guest and host, in seconds. */
const clockTolerance = 60;

export function leftoverCase({ paths }: CaseSubject): LifeCycleCase {
  const ticks = `"${paths.inCommand("ticks")}"`;
  return {
    name: "a process that a step leaves running is ended before the next step",
    ops: [
      runOp([
        `mkdir -p "${paths.inCommand("")}"`,
        // It ends by itself, in case that nothing else ends it.
        `(i=0; while [ $i -lt 300 ]; do echo tick >>${ticks}; i=$((i + 1)); sleep 1; done >/dev/null 2>&1 &)`,
        `until [ -s ${ticks} ]; do sleep 1; done; echo started`,
      ]),
    ],
    script: [
      `before=$(wc -l <${ticks}); sleep 3; after=$(wc -l <${ticks})`,
      `if [ "$before" -ne "$after" ]; then echo "it still writes"; exit 1; fi`,
      `echo ended`,
    ],
    fault: expectLines("started", "ended"),
  };
}

/** The last one of its group: what comes after it takes time. */
export const clockCase: LifeCycleCase = {
  name: "the clock of the guest is right",
  script: ["echo clock $(date +%s)"],
  fault: ({ text, at }) => {
    const difference = Number(/clock (\d+)/.exec(text)?.[1] ?? Number.NaN) - at / 1000;
    return Math.abs(difference) <= clockTolerance
      ? undefined
      : `It differs from the host's by ${Math.round(difference)} s.`;
  },
};

/** What a step finds must not depend on how its machine was started: see `coldSurroundings`. */
const surroundings = [
  "echo directory $(pwd)",
  "echo mask $(umask)",
  "echo ids $(id -u):$(id -g)",
  "echo files $(ulimit -n)",
  `env | sed -n -e '/^SSH_/d' -e '/^OB_CHECK/d' -e '/^_=/d' -e '/^[A-Za-z_][A-Za-z0-9_]*=/p' | sort`,
];
const nameInChain = "a step reports what it finds: directory, ids, limits, environment";

export const surroundingsCase: LifeCycleCase = {
  name: nameInChain,
  script: surroundings,
  fault: expectLines("directory /"),
};

/** In a machine that serves one step only. */
export const coldSurroundings: LifeCycleCase = {
  name: "a step in a machine of its own finds the same as one in a reused machine",
  script: [": in a machine of its own", ...surroundings],
  fault: sameAsBefore,
};

function sameAsBefore({ text, before }: CaseOutput): string | undefined {
  const other = before.get(nameInChain);
  if (other === undefined) return undefined;
  const [a, b] = [other.trim().split("\n"), text.trim().split("\n")];
  const differs = [...a.filter((line) => !b.includes(line)), ...b.filter((line) => !a.includes(line))];
  return differs.length === 0 ? undefined : `These lines differ:\n${differs.join("\n")}`;
}

/** Read after the machine has been stopped and another one was booted. */
export function writtenLastCase({ paths, nonce }: CaseSubject): LifeCycleCase {
  const file = `"${paths.inCommand("written-last")}"`;
  const bytes = 1_000_000 + nonce.length + 1;
  return {
    name: "what a step writes last is on the disk of the next boot",
    ops: [
      runOp([
        `mkdir -p "${paths.inCommand("")}"`,
        `dd if=/dev/zero bs=1000 count=1000 2>/dev/null | tr '\\0' y >${file}; echo ${nonce} >>${file}`,
      ]),
    ],
    script: [`echo size $(wc -c <${file})`, `tail -n 1 ${file} | cut -c 1000001-`],
    fault: expectLines(`size ${bytes}`, nonce),
  };
}

/** Commands that end with a status other than 0. */
export function statusCase(status: number): LifeCycleCase {
  return {
    name: `a command that exits with ${status} fails its step with that status, its output and errors are in the log, and it leaves no layer`,
    // Not in a step that others share: errors can come in another order than output.
    ops: [runOp([`echo to output; echo to errors >&2; exit ${status}`])],
    status,
    fault: expectLines("to output", "to errors"),
  };
}

const restarts = {
  windows: "shutdown /r /t 0",
  other: "PATH=$PATH:/usr/sbin:/sbin; sync; reboot || shutdown -r now",
};

export function restartCase({ guestOs, facts, paths, nonce }: CaseSubject): LifeCycleCase {
  const command = guestOs === "windows" ? restarts.windows : restarts.other;
  const mark = `"${paths.inCommand("before-restart")}"`;
  return {
    name: "a step with (restart allowed) ends when the guest is back",
    ops: [
      runOp(
        [`mkdir -p "${paths.inCommand("")}"; echo ${nonce} >${mark}`, command, "sleep 600"],
        "(restart allowed)",
      ),
    ],
    script: [`cat ${mark}`],
    fault: (output) =>
      expectLines(nonce)(output) ??
      (output.log.some((text) => text.includes("is back after its restart"))
        ? undefined
        : "The guest did not restart."),
    skip: facts.tools.some((tool) => tool === "reboot" || tool === "shutdown" || tool === "busybox")
      ? undefined
      : "The guest has no program that restarts it.",
  };
}
