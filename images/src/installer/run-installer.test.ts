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

/** Simulates QEMU: a script whose console is descriptor 4, and a file that is named in QEMU's arguments. */
const machine = (script: string): Argv => [
  "bash",
  "-c",
  `until [ "\${2#socket,id=console,}" != "$2" ]; do shift; done
   console=\${2#*,logfile=} console=\${console%,logappend=on} console=\${console//,,/,}
   [ "$3 $4" = "-serial chardev:console" ] || exit 9
   say() { printf "$1" | tee -a "$console" >&4; }
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

test("the phases are recognized on the console, despite terminal escape sequences", async () => {
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

test("a milestone is searched after the previous one", async () => {
  const phases = [
    { name: "Once", until: /login:/, limitSeconds: 20 },
    { name: "Twice", until: /login:/, limitSeconds: 1 },
  ];
  const once = runInstaller(machine("say 'login:\\n'; sleep 30"), options({ phases }));
  await expect(once).rejects.toThrow(/Timed out after 1 s: Twice/);
});

test("a guest that hangs is killed, and the error has the console's tail", async () => {
  const mark = `hangs-${process.pid}`;
  const phases = [{ name: "Unpack the sets", until: /never/, limitSeconds: 1 }];
  const hanging = runInstaller(machine(`say 'one\\ntwo\\n'; exec -a ${mark} sleep 60`), options({ phases }));
  await expect(hanging).rejects.toMatchObject({
    code: "BASE_IMAGE",
    message:
      "Timed out after 1 s: Unpack the sets.\nThe installation was stopped. The end of its console:\none\ntwo",
  });
  expect(runs(mark)).toBe(false);
});

test("a failed installation ends the wait at once", async () => {
  const failing = runInstaller(
    machine("say 'Welcome\\nfailed; check /tmp/ai/ai.log\\n'; sleep 60"),
    options(),
  );
  await expect(failing).rejects.toMatchObject({
    code: "BASE_IMAGE",
    message: expect.stringMatching(/^The installation failed\.[^]*check \/tmp\/ai\/ai\.log$/),
    hint: `More of its console is in ${consoleLog}.`,
  });
});

test("an early exit of QEMU is an error with QEMU's output", async () => {
  const ending = runInstaller(
    machine("say 'Welcome\\n'; echo 'qemu: no such device' >&2; exit 1"),
    options(),
  );
  await expect(ending).rejects.toThrow(
    /^QEMU ended \(exit status 1\) before the installation was complete[^]*qemu: no such device$/,
  );
});

test("an early shutdown of the guest is a failed installation", async () => {
  const ending = runInstaller(machine("say 'Welcome\\n'"), options());
  await expect(ending).rejects.toThrow(/^QEMU ended \(exit status 0\) before the installation was complete/);
});

test("a full disk of the host ends the installation at once, and a guest that was stopped by it", async () => {
  const full = runInstaller(
    machine(
      String.raw`echo '{"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":0}},"capabilities":[]}}' >&3
       read -r _ <&3
       echo '{"return":{},"id":1}' >&3
       echo '{"event":"BLOCK_IO_ERROR","data":{"operation":"write","nospace":true,"reason":"x"}}' >&3
       exec sleep 60`,
    ),
    options(),
  );
  await expect(full).rejects.toMatchObject({ code: "NO_SPACE" });
});

test("a wrapper's child ends with the wrapper", async () => {
  const mark = `wrapped-${process.pid}`;
  const phases = [{ name: "Unpack", until: /never/, limitSeconds: 1 }];
  const wrapped = runInstaller(machine(`(exec -a ${mark} sleep 60) & wait`), options({ phases }));
  await expect(wrapped).rejects.toMatchObject({ code: "BASE_IMAGE" });
  expect(runs(mark)).toBe(false);
});

test("a cancelled installation ends at once, and so does its VM", async () => {
  const mark = `cancelled-${process.pid}`;
  const abort = new AbortController();
  const running = runInstaller(machine(`say 'Welcome\\n'; exec -a ${mark} sleep 60`), {
    ...options({ signal: abort.signal }),
    onEvent: (event) => event.type === "phase-finished" && abort.abort(),
  });
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  expect(runs(mark)).toBe(false);
});

test("a missing QEMU is reported with the name of its package", async () => {
  const missing = runInstaller(["qemu-system-nowhere"], options());
  await expect(missing).rejects.toMatchObject({
    code: "MISSING_TOOL",
    message: expect.stringContaining("qemu-system-nowhere"),
  });
});
