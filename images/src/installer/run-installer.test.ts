import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Argv } from "../disk/fakeroot.ts";
import { runInstaller, type RunInstallerOptions } from "./run-installer.ts";

let directory: string;
let consoleLog: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "install-"));
  consoleLog = join(directory, "a,console");
});
afterEach(() => rm(directory, { recursive: true }));

/** Stands in for QEMU: a script that finds the console's file among the arguments that QEMU would get. */
const machine = (script: string): Argv => [
  "bash",
  "-c",
  `while [ "$1" != -chardev ]; do shift; done
   console=\${2#file,id=console,path=} console=\${console//,,/,}
   [ "$3 $4" = "-serial chardev:console" ] || exit 9
   say() { printf "$1" >>"$console"; }
   ${script}`,
  "machine",
];

const options = (changes: Partial<RunInstallerOptions> = {}): RunInstallerOptions => ({
  consoleLog,
  phases: [
    { name: "Start", until: /Welcome/, limitSeconds: 20 },
    { name: "Unpack", until: /CONGRATULATIONS/, limitSeconds: 20 },
    { name: "Stop", until: "power off", limitSeconds: 20 },
  ],
  failures: [/failed; check/],
  onEvent: () => undefined,
  signal: undefined,
  ...changes,
});

const runs = (mark: string): boolean => execFileSync("ps", ["-eo", "args"]).toString().includes(mark);

test("the phases are followed on the console, through a terminal's controls", async () => {
  const seen: string[] = [];
  await runInstaller(
    machine(
      String.raw`say '\033[2JWel\033[1mcome\r\n'; sleep 0.2; say 'CONGRATU'; sleep 0.2; say 'LATIONS!\n'`,
    ),
    options({
      onEvent: ({ type, ...event }) => void seen.push(`${type} ${"phase" in event && event.phase}`),
    }),
  );
  expect(seen).toEqual([
    ...["phase-started Start", "phase-finished Start", "phase-started Unpack", "phase-finished Unpack"],
    ...["phase-started Stop", "phase-finished Stop"],
  ]);
  expect(await readFile(consoleLog, "latin1")).toContain("LATIONS!");
});

test("a milestone is looked for behind the one before", async () => {
  const phases = [
    { name: "Once", until: /login:/, limitSeconds: 20 },
    { name: "Twice", until: /login:/, limitSeconds: 1 },
  ];
  const once = runInstaller(machine("say 'login:\\n'; sleep 30"), options({ phases }));
  await expect(once).rejects.toThrow(/longer than 1 s and was given up: Twice/);
});

test("a guest that hangs is given up with the end of its console, and is gone", async () => {
  const mark = `hangs-${process.pid}`;
  const phases = [{ name: "Unpack the sets", until: /never/, limitSeconds: 1 }];
  const hanging = runInstaller(machine(`say 'one\\ntwo\\n'; exec -a ${mark} sleep 60`), options({ phases }));
  await expect(hanging).rejects.toMatchObject({
    code: "BASE_IMAGE",
    message:
      "This took longer than 1 s and was given up: Unpack the sets.\nThe guest had come so far. The end of its console:\none\ntwo",
  });
  expect(runs(mark)).toBe(false);
});

test("a guest that gives up is not waited for", async () => {
  const failing = runInstaller(
    machine("say 'Welcome\\nfailed; check /tmp/ai/ai.log\\n'; sleep 60"),
    options(),
  );
  await expect(failing).rejects.toMatchObject({
    code: "BASE_IMAGE",
    message: expect.stringMatching(/^The installation failed\.[^]*check \/tmp\/ai\/ai\.log$/),
    hint: `All that it said is in ${consoleLog}.`,
  });
});

test("QEMU's early end is an error with its words", async () => {
  const ending = runInstaller(
    machine("say 'Welcome\\n'; echo 'qemu: no such device' >&2; exit 1"),
    options(),
  );
  await expect(ending).rejects.toThrow(
    /^QEMU ended \(exit status 1\) before the installation had[^]*qemu: no such device$/,
  );
});

test("a guest that switches itself off too early has not been installed", async () => {
  const ending = runInstaller(machine("say 'Welcome\\n'"), options());
  await expect(ending).rejects.toThrow(/^QEMU ended \(exit status 0\) before the installation had/);
});

test("a cancelled installation ends at once, and the machine with it", async () => {
  const mark = `cancelled-${process.pid}`;
  const abort = new AbortController();
  const running = runInstaller(machine(`say 'Welcome\\n'; exec -a ${mark} sleep 60`), {
    ...options({ signal: abort.signal }),
    onEvent: (event) => event.type === "phase-finished" && abort.abort(),
  });
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  expect(runs(mark)).toBe(false);
});

test("a missing QEMU is named with its package", async () => {
  const missing = runInstaller(["qemu-system-nowhere"], options());
  await expect(missing).rejects.toMatchObject({
    code: "MISSING_TOOL",
    message: expect.stringContaining("qemu-system-nowhere"),
  });
});
