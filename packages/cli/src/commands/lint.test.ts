import { readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { obuilder } from "../testing/run.ts";

const bad = `((from debian-12)
 (run (shell "é; apt-get update && apt-get install -y a:b,c"))
 (user (name root)))`;
const info = '((from debian-12) (run (shell "make")) (user (name root)))';

describe("lint", () => {
  it("prints each problem with its place, its rule and a hint, and exits with 1", async () => {
    expect(await obuilder(["lint"], { stdin: bad })).toMatchInlineSnapshot(`
      {
        "code": 1,
        "stderr": "",
        "stdout": "<stdin>:2:18: warning: \`apt-get update\` needs the network, and this step has none [network-needed]
        2 |  (run (shell "é; apt-get update && apt-get install -y a:b,c"))
          |                  ^^^^^^^^^^^^^^
        hint: add (network host) to the run

      <stdin>:3:2: info: no step comes after this (user ...): it changes the Dockerfile only [no-effect]
        3 |  (user (name root)))
          |  ^^^^^^^^^^^^^^^^^^
        hint: a layer does not keep it: move it up, or remove it

      ",
      }
    `);
  });

  it("prints one object per line with --json, with places in characters", async () => {
    const { code, stdout } = await obuilder(["lint", "--json", "-"], { stdin: bad });
    expect(code).toBe(1);
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      {
        ...{ file: "<stdin>", line: 2, column: 18, endLine: 2, endColumn: 32 },
        ...{ severity: "warning", rule: "network-needed" },
        message: "`apt-get update` needs the network, and this step has none",
        hint: "add (network host) to the run",
        fixable: false,
      },
      expect.objectContaining({ line: 3, column: 2, severity: "info", rule: "no-effect" }),
    ]);
    expect(await obuilder(["lint", "--format=json", "-"], { stdin: bad })).toEqual({
      code,
      stdout,
      stderr: "",
    });
  });

  it("prints workflow commands of GitHub with --format=github, in which a name cannot end a field", async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, "a,b:c\n%.spec");
    await writeFile(file, bad);
    const { stdout } = await obuilder(["lint", "--format=github", file]);
    const name = `${directory.path}/a%2Cb%3Ac%0A%25.spec`;
    expect(stdout.split("\n").slice(0, -1)).toEqual([
      `::warning file=${name},line=2,col=18,endLine=2,endColumn=32,title=network-needed::` +
        "`apt-get update` needs the network, and this step has none%0Ahint: add (network host) to the run",
      expect.stringMatching(/^::notice file=.*,title=no-effect::/),
    ]);
  });

  it("fails only for what --fail-on says", async () => {
    const code = async (text: string, ...args: readonly string[]) =>
      (await obuilder(["lint", ...args], { stdin: text })).code;
    expect(await code(info)).toBe(0);
    expect(await code(info, "--fail-on=info")).toBe(1);
    expect(await code(bad, "--fail-on", "error")).toBe(0);
    expect(await code(bad, "--fail-on=never")).toBe(0);
    expect(await code("((from a) (run (network b) (shell c)))", "--fail-on=error")).toBe(1);
    expect(await code(bad, "--fail-on=nothing")).toBe(2);
  });

  it("finds the errors of what is not a spec, in each of several files, and exits with 3", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(path.join(directory.path, "a.spec"), "((from a) (rnu b) (workdri c))");
    await writeFile(path.join(directory.path, "b.spec"), bad);
    const { code, stdout } = await obuilder(["lint", "--json", directory.path]);
    const problems = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(problems.map(({ rule }) => rule)).toEqual([null, null, "network-needed", "no-effect"]);
    expect(code).toBe(3);
    expect((await obuilder(["lint", "-", "none.spec"], { stdin: info })).code).toBe(2);
  });

  it("mends what has one answer with --fix, and prints what is left", async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, "a.spec");
    const text = '; \xff\n((from a) ; x\n (workdir b) (run (shell "apt-get install make")))';
    await writeFile(file, text, "latin1");
    const read = async () => await readFile(file, "latin1");
    const before = (await obuilder(["lint", "--json", file])).stdout;
    expect(before.match(/"fixable":true/g)).toHaveLength(2);
    expect(await read()).toBe(text);
    const { code, stdout } = await obuilder(["lint", "--fix", "--json", directory.path]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ rule: "network-needed", fixable: false });
    const mended = '; \xff\n((from a) ; x\n (workdir /b) (run (shell "apt-get install -y make")))';
    expect(await read()).toBe(mended);
    const { mtimeMs } = await stat(file);
    await obuilder(["lint", "--fix", file]);
    expect((await stat(file)).mtimeMs).toBe(mtimeMs);
  });

  it("mends neither standard input nor a text that is not a spec", async () => {
    expect(await obuilder(["lint", "--fix"], { stdin: bad })).toMatchObject({ code: 2, stdout: "" });
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, "a.spec");
    await writeFile(file, "((from a) (workdir b)");
    expect((await obuilder(["lint", "--fix", file])).code).toBe(3);
    expect(await readFile(file, "utf8")).toBe("((from a) (workdir b)");
  });

  it("lists its rules", async () => {
    const { code, stdout } = await obuilder(["lint", "--rules"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^secret-in-command +warning +a password/m);
    expect(stdout).toMatch(/^RULE/);
  });
});
