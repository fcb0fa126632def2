import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { linuxGuest } from "./profile.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reseed-"));
  mkdirSync(join(directory, "bin"));
  for (const name of ["sh", "uname", "cat"]) {
    const path = execFileSync("sh", ["-c", `command -v ${name}`])
      .toString()
      .trim();
    symlinkSync(path, join(directory, "bin", name));
  }
  // The host's clock stays as it is.
  program("date", "exit 0");
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Puts a program into the guest's only directory of programs. */
function program(name: string, body: string): void {
  const file = join(directory, "bin", name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
}

/** A program that notes its arguments from the third on, and its input. */
const notes = (name: string): void =>
  program(name, `shift 2; echo "${name} $*" >${directory}/said; cat >>${directory}/said`);

function resume(seed: Uint8Array): string {
  const command = linuxGuest("root").resumedWithSeed?.(new Date(1_700_000_000_250), seed);
  expect(command?.command).not.toContain(Buffer.from(seed).toString("hex"));
  // A script that fails may leave its input unread.
  const { status, stdout, stderr } = spawnSync("/bin/sh", ["-c", command?.command ?? ""], {
    env: { PATH: join(directory, "bin") },
    input: command?.input,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

const seed = Buffer.alloc(64, 0xa5);
const said = (): string => readFileSync(join(directory, "said"), "utf8");

it.each(["perl", "python3"])(
  "is sent on standard input to %s, which asks the kernel to draw from it",
  (name) => {
    notes(name);
    expect(resume(seed)).toMatch(
      /^(?:hardware clock: -?\d+\n)?clock: \d+\nobuilder: the login shell is .*\nprocesses: .*\nprograms:.*\n$/,
    );
    expect(said()).toBe(`${name} 0x40085203 0x5207\n${"a5".repeat(64)}\n`);
  },
);

it("is sent to perl where there are both", () => {
  notes("python3");
  notes("perl");
  resume(seed);
  expect(said()).toMatch(/^perl /);
});

it("has other numbers for the same requests on POWER", () => {
  rmSync(join(directory, "bin", "uname"));
  program("uname", "echo ppc64le");
  notes("perl");
  resume(seed);
  expect(said()).toMatch(/^perl 0x80085203 0x20005207\n/);
});

it("is an error where the kernel does not take it, or where nothing can ask it to", () => {
  expect(() => resume(seed)).toThrow(/neither perl nor python3 is installed/);
  program("perl", "echo 'obuilder: RNDRESEEDCRNG: Invalid argument' >&2; exit 22");
  expect(() => resume(seed)).toThrow(/RNDRESEEDCRNG/);
});
