import { existsSync } from "node:fs";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { sha256 } from "@ob/core";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "./testing/directory.ts";

const binary = path.resolve(import.meta.dirname, "../bin/obuilder.js");

interface SpawnOptions {
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The real command, as a process of its own, run from the sources. */
function obuilder(args: readonly string[], { cwd, input, env }: SpawnOptions = {}) {
  return execa(process.execPath, ["--conditions=@ob/source", binary, ...args], {
    reject: false,
    stripFinalNewline: false,
    ...(cwd !== undefined && { cwd }),
    ...(input !== undefined && { input }),
    ...(env && { env }),
  });
}

const spec = '((from debian-12) (run (shell "make all")))';

describe("the command", () => {
  it("ends with the documented exit codes", async () => {
    await using work = await temporaryDirectory();
    const store = `--store=qemu:${path.join(work.path, "store")}`;
    expect(await obuilder(["--version"])).toMatchObject({ exitCode: 0 });
    expect(await obuilder(["build"])).toMatchObject({ exitCode: 2, stdout: "" });
    expect(await obuilder(["fmt"], { input: "((from" })).toMatchObject({ exitCode: 3, stdout: "" });
    expect(await obuilder(["build", store, "-f", "-", "."], { input: spec })).toMatchObject({ exitCode: 4 });
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("is cancelled by %s, and exits with %d", async (signal, exitCode) => {
    const process = obuilder(["fmt", "-f", "-"]);
    // More than a pipe holds: when it is written the command is reading, and listens for signals.
    await new Promise((resolve) => {
      process.stdin.write(" ".repeat(2 ** 20), resolve);
    });
    process.kill(signal);
    expect(await process).toMatchObject({ exitCode, stderr: "Cancelled at user's request\n" });
  });

  it("makes the contents of a store private", async () => {
    await using work = await temporaryDirectory();
    const store = path.join(work.path, "store");
    await mkdir(path.join(store, "base-image"), { recursive: true });
    const { exitCode } = await obuilder(["plan", `--store=qemu:${store}`, "-f", "-", work.path], {
      input: spec,
    });
    expect(exitCode).toBe(0);
    const made = await readdir(store, { recursive: true });
    expect(made).toContain("state/db/db.sqlite");
    for (const name of ["", ...made]) {
      expect((await stat(path.join(store, name))).mode & 0o077, name).toBe(0);
    }
  });

  it("is quiet when the reader of its output ends", async () => {
    const process = obuilder(["fmt", "-f", "-"]);
    process.stdout.destroy();
    process.stdin.end(spec);
    expect(await process).toMatchObject({ exitCode: 141, stderr: "" });
  });
});

describe("a store", () => {
  it("that does not exist counts as empty for plan, which creates nothing", async () => {
    await using work = await temporaryDirectory();
    const directory = path.join(work.path, "store");
    const args = ["plan", `--store=qemu:${directory}`, "-f", "-", work.path];
    const result = await obuilder(args, { input: spec, env: { PATH: "/nonexistent" } });
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    expect(result.stdout).toContain(`The store ${directory} does not exist; it counts as empty.\n`);
    expect(result.stdout).toContain(`${sha256("debian-12")}  to be built\n`);
    expect(existsSync(directory)).toBe(false);
  });

  it("that does not exist is an error for all others, and is not created", async () => {
    await using work = await temporaryDirectory();
    const directory = path.join(work.path, "store");
    for (const args of [
      ["build", "-f", "-", "."],
      ["delete", "0".repeat(64)],
      ["clean"],
      ["prune", "--keep=1"],
    ]) {
      const result = await obuilder([...args, `--store=qemu:${directory}`], { input: spec });
      expect(result).toMatchObject({ exitCode: 4, stdout: "" });
      expect(result.stderr).toMatch(new RegExp(`There is no store at ${directory}.\nHint: `));
    }
    expect(existsSync(directory)).toBe(false);
  });

  it("whose path is another directory, or a file, is left unchanged", async () => {
    await using work = await temporaryDirectory();
    const file = path.join(work.path, "file");
    await writeFile(file, "text");
    for (const directory of [work.path, file]) {
      const result = await obuilder(["build", `--store=qemu:${directory}`, "-f", "-", "."], { input: spec });
      expect(result.exitCode).toBe(4);
      expect(result.stderr).toMatch(/^obuilder: .*\nHint: /);
    }
    expect(await readdir(work.path)).toEqual(["file"]);
  });

  it("with all layers of a spec builds it without a program on PATH", async () => {
    await using work = await temporaryDirectory();
    const id = sha256("debian-12");
    await mkdir(path.join(work.path, "result", id, "rootfs"), { recursive: true });
    await mkdir(path.join(work.path, "base-image"));
    await writeFile(path.join(work.path, "result", id, "rootfs/image.qcow2"), "");
    await writeFile(path.join(work.path, "result", id, "log"), "imported\n");
    const args = ["build", `--store=qemu:${work.path}`, "-f", "-", "."];
    const result = await obuilder(args, { input: "((from debian-12))", env: { PATH: "/nonexistent" } });
    expect(result.stderr).toBe("");
    expect(result.stdout).toBe(`(from debian-12)\nimported\n---> using "${id}" from cache\nGot: "${id}"\n`);
    expect(result.exitCode).toBe(0);
  });

  it("without the base image lists those that it has", async () => {
    await using work = await temporaryDirectory();
    await mkdir(path.join(work.path, "base-image"));
    await writeFile(path.join(work.path, "base-image/debian-12-amd64.qcow2"), "no disk");
    const build = (from: string) =>
      obuilder(["build", `--store=qemu:${work.path}`, "-f", "-", "."], { input: `((from ${from}))` });
    const misspelt = await build("debain-12-amd64");
    expect(misspelt.exitCode).toBe(4);
    expect(misspelt.stderr).toContain("debain-12-amd64");
    expect(misspelt.stderr).toMatch(/Hint: .*debian-12-amd64/);
    const broken = await build("debian-12-amd64");
    expect(broken.exitCode).toBe(4);
    expect(broken.stderr).toContain("qcow2");
    expect(await readdir(path.join(work.path, "result"))).toEqual([]);
  });

  it("without that layer is an error that says so", async () => {
    await using work = await temporaryDirectory();
    const id = "0".repeat(64);
    const result = await obuilder(["delete", `--store=qemu:${work.path}`, id]);
    expect(result).toMatchObject({ exitCode: 4, stdout: "" });
    expect(result.stderr).toContain(id);
  });
});
