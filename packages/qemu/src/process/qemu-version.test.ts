import { copyFile, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type Emit, findProgram, noopEmit } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { amd64 } from "../machine/amd64.ts";
import { isResumable } from "../machine/is-resumable.ts";
import { riscv64 } from "../machine/riscv64.ts";
import { fakeQemu } from "../testing/fake-qemu.ts";
import { qemuVersion, QemuVersions } from "./qemu-version.ts";

const caller = { signal: new AbortController().signal, emit: noopEmit };
const binary = "qemu-system-x86_64";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "qemu-version-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

async function printing<Result>(line: string, test: () => Promise<Result>): Promise<Result> {
  await using fake = await fakeQemu(`console.log("QEMU emulator version ${line}");`);
  vi.stubEnv("PATH", fake.path);
  return await test();
}

describe("the version of QEMU", () => {
  it.each([
    ["7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", { major: 7, minor: 2, patch: 22, text: "7.2.22" }],
    ["10.0.13", { major: 10, minor: 0, patch: 13, text: "10.0.13" }],
    ["11.0", { major: 11, minor: 0, patch: 0, text: "11.0" }],
    ["10.1.50 (v10.1.0-1234-gabcdef)", { major: 10, minor: 1, patch: 50, text: "10.1.50" }],
  ])("%s is read", async (line, version) => {
    expect(await printing(line, async () => await qemuVersion(binary, caller))).toEqual(version);
  });

  it("below 7.2 is refused, with both versions", async () => {
    const asked = printing(
      "6.2.0 (Debian 1:6.2)",
      async () => await new QemuVersions(directory).of(binary, caller),
    );
    await expect(asked).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: "qemu-system-x86_64 is QEMU 6.2.0, and 7.2 or newer is needed.",
    });
  });

  it("is asked once", async () => {
    const versions = new QemuVersions(directory);
    await printing("7.2.0", async () => await versions.of(binary, caller));
    expect(await printing("8.0.0", async () => await versions.of(binary, caller))).toMatchObject({
      major: 7,
    });
  });
});

describe("the version of an installed QEMU", () => {
  /** The version as a new process gets it, and whether the program was asked. */
  async function asked(): Promise<{ readonly text: string; readonly runs: number }> {
    let runs = 0;
    const emit: Emit = ({ type }) => {
      if (type === "exec") runs += 1;
    };
    const { text } = await new QemuVersions(directory).of(binary, { ...caller, emit });
    return { text, runs };
  }

  /** A copy of the installed one, which is found first. */
  async function install(): Promise<string> {
    const copy = join(directory, binary);
    await copyFile((await findProgram(binary)) ?? "", copy);
    vi.stubEnv("PATH", [directory, process.env["PATH"] ?? ""].join(delimiter));
    return copy;
  }

  it("is kept until its file is another", async () => {
    const copy = await install();
    const first = await asked();
    expect(first.runs).toBe(1);
    await expect(asked()).resolves.toEqual({ ...first, runs: 0 });
    await utimes(copy, 1_700_000_000, 1_700_000_000);
    await expect(asked()).resolves.toEqual(first);
  });

  it("is asked again if what was kept cannot be read", async () => {
    await install();
    const first = await asked();
    const file = join(directory, `${binary}.version.json`);
    const kept = await readFile(file, "utf8");
    for (const text of ["{", kept.replace(/"major":\d+/, '"major":"7"')]) {
      await writeFile(file, text);
      await expect(asked()).resolves.toEqual(first);
    }
  });

  it("of a script is not kept: it may start any program", async () => {
    await printing("9.9.9", async () => await new QemuVersions(directory).of(binary, caller));
    await expect(readdir(directory)).resolves.toEqual([]);
  });
});

describe("a virtual machine can be saved and resumed", () => {
  it("on amd64 with every QEMU", () => {
    expect(isResumable({ machine: amd64 })).toBe(true);
  });

  it.each([
    ["7.2.22", false],
    ["10.0.12", false],
    ["10.0.13", true],
    ["10.1.3", false],
    ["10.2.0", true],
    ["11.0.0", true],
  ])("on riscv64 with a QEMU that saves its timers: %s %s", (text, expected) => {
    const [major = 0, minor = 0, patch = 0] = text.split(".").map(Number);
    expect(isResumable({ machine: riscv64, version: { major, minor, patch } })).toBe(expected);
  });

  it("not on riscv64 if the version is not known", () => {
    expect(isResumable({ machine: riscv64 })).toBe(false);
  });
});
