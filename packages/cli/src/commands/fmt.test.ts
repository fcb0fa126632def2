import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { createInterrupts, obuilder } from "../testing/run.ts";

const spec = `; a comment
((from debian-12)
 (run (cache (apt (target /var/cache/apt))) (shell "apt-get update")))`;

const formatted = `; a comment
((from debian-12)
 (run (cache (apt (target /var/cache/apt)))
      (shell "apt-get update"))
)
`;

/** A directory with specs of which only some are formatted. */
async function project() {
  const directory = await temporaryDirectory();
  const file = (name: string) => path.join(directory.path, name);
  for (const name of ["sub/deep", ".hidden", "node_modules/a"]) await mkdir(file(name), { recursive: true });
  await writeFile(file("a.spec"), spec);
  await writeFile(file("b.spec"), formatted);
  await writeFile(file("sub/deep/c.spec"), spec);
  for (const name of [".hidden/d.spec", "node_modules/a/e.spec", "f.txt", ".g.spec"]) {
    await writeFile(file(name), spec);
  }
  await symlink(file("f.txt"), file("link.spec"));
  await symlink(directory.path, file("sub/circle"));
  return { file, path: directory.path, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

describe("fmt", () => {
  it("formats the spec, from standard input without -f", async () => {
    const result = await obuilder(["fmt"], { stdin: spec });
    expect(result).toEqual({ code: 0, stderr: "", stdout: formatted });
    expect(await obuilder(["fmt", "-"], { stdin: result.stdout })).toEqual(result);
  });

  it("prints the machine form with --machine", async () => {
    const result = await obuilder(["fmt", "--machine"], { stdin: spec });
    expect(result.stdout).toBe(
      '((from debian-12)(run(cache(apt(target /var/cache/apt)))(shell"apt-get update")))\n',
    );
  });

  it("needs -f if standard input is a terminal", async () => {
    const stdin = { isTTY: true, async *[Symbol.asyncIterator]() {} };
    const result = await obuilder(["fmt"], { stdin });
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain("No spec is given.\nHint: Name a file");
  });

  it("stops waiting for standard input when it is interrupted", async () => {
    const stdin = {
      async *[Symbol.asyncIterator]() {
        yield await new Promise<string>(() => {});
      },
    };
    const interrupts = createInterrupts();
    setImmediate(() => interrupts.interrupt("SIGINT"));
    const result = await obuilder(["fmt", "-f", "-"], { stdin, interrupts });
    expect(result).toMatchObject({ code: 130, stderr: "Cancelled at user's request\n" });
  });

  it("prints a file that is given as an argument or with -f", async () => {
    await using directory = await project();
    const a = directory.file("a.spec");
    expect(await obuilder(["fmt", a])).toEqual({ code: 0, stderr: "", stdout: formatted });
    expect(await obuilder(["fmt", "-f", a])).toEqual({ code: 0, stderr: "", stdout: formatted });
    expect(await readFile(a, "utf8")).toBe(spec);
  });

  it("names what is not formatted with --check, writes nothing, and exits with 1", async () => {
    await using directory = await project();
    const found = await obuilder(["fmt", "--check", directory.path, directory.file("a.spec")]);
    const names = [directory.file("a.spec"), directory.file("sub/deep/c.spec")];
    expect(found).toEqual({ code: 1, stderr: "", stdout: names.map((name) => `${name}\n`).join("") });
    expect(await readFile(directory.file("a.spec"), "utf8")).toBe(spec);
    const clean = { code: 0, stdout: "", stderr: "" };
    expect(await obuilder(["fmt", "--check", directory.file("b.spec")])).toEqual(clean);
    expect(await obuilder(["fmt", "--check"], { stdin: spec })).toMatchObject({
      code: 1,
      stdout: "<stdin>\n",
    });
  });

  it("formats the files of directories with --write, keeps their modes, and follows no links", async () => {
    await using directory = await project();
    await chmod(directory.file("a.spec"), 0o751);
    const before = await stat(directory.file("b.spec"));
    const written = await obuilder(["fmt", "--write", directory.path]);
    const names = [directory.file("a.spec"), directory.file("sub/deep/c.spec")];
    expect(written).toEqual({ code: 0, stderr: "", stdout: names.map((name) => `${name}\n`).join("") });
    for (const name of names) expect(await readFile(name, "utf8")).toBe(formatted);
    expect((await stat(directory.file("a.spec"))).mode & 0o777).toBe(0o751);
    // What is formatted is not touched.
    const { ino, mtimeMs } = await stat(directory.file("b.spec"));
    expect({ ino, mtimeMs }).toEqual({ ino: before.ino, mtimeMs: before.mtimeMs });
    for (const name of [".hidden/d.spec", "node_modules/a/e.spec", "f.txt", ".g.spec"]) {
      expect(await readFile(directory.file(name), "utf8")).toBe(spec);
    }
    expect((await lstat(directory.file("link.spec"))).isSymbolicLink()).toBe(true);
    expect(await obuilder(["fmt", "-w", directory.path])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await readdir(directory.path)).toHaveLength(8);
  });

  it("refuses to write through a link, and leaves the other files formatted", async () => {
    await using directory = await project();
    const [link, a] = [directory.file("link.spec"), directory.file("a.spec")];
    const result = await obuilder(["fmt", "--write", link, a]);
    expect(result).toMatchObject({ code: 2, stdout: `${a}\n` });
    expect(result.stderr).toContain(`${link} is a symbolic link`);
    expect(await readFile(directory.file("f.txt"), "utf8")).toBe(spec);
    expect(await readFile(a, "utf8")).toBe(formatted);
  });

  it("reports each file that is not a spec, formats the others, and exits with 3", async () => {
    await using directory = await project();
    await writeFile(directory.file("bad.spec"), "((from a) (rnu))");
    await writeFile(directory.file("cut.spec"), "((from a)");
    const result = await obuilder(["fmt", "--write", directory.path]);
    expect(result).toMatchObject({ code: 3, stdout: expect.stringContaining("a.spec") });
    expect(result.stderr).toContain(`${directory.file("bad.spec")}:1:12: unknown op "rnu"`);
    expect(result.stderr).toContain(`${directory.file("cut.spec")}:1:1: this list is never closed`);
    expect(await readFile(directory.file("bad.spec"), "utf8")).toBe("((from a) (rnu))");
  });

  it("refuses what cannot be done", async () => {
    await using directory = await project();
    const refused = async (...args: readonly string[]) => {
      const { code, stderr } = await obuilder(["fmt", ...args], { stdin: spec });
      expect(code).toBe(2);
      return stderr;
    };
    expect(await refused(directory.path)).toContain("3 specs cannot be printed as one.");
    expect(await refused("--write", "-")).toContain("Standard input cannot be written to.");
    expect(await refused("--write", "--check", "-")).toContain("only one can be given");
    expect(await refused("--check", directory.file("none.spec"))).toContain("does not exist");
    await mkdir(directory.file("empty"));
    expect(await refused("--check", directory.file("empty"))).toContain(
      "There is no file *.spec in the directory",
    );
  });
});
