import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fakeServices, obuilder } from "../testing/run.ts";

const spec = '((from debian-12) (copy (src .) (dst /s/) (exclude "*.tmp")))';

async function project() {
  const directory = await mkdtempDisposable(join(tmpdir(), "ob-cli-ignore-"));
  const source = join(directory.path, "source");
  await mkdir(join(source, "d"), { recursive: true });
  await writeFile(join(source, ".dockerignore"), "*.log\n");
  await writeFile(join(source, "build.log"), "x".repeat(3_000));
  await writeFile(join(source, "d/\u001b]0;x\u0007\u202Ea"), "x".repeat(2_000));
  const services = fakeServices();
  const run = async (command: string, ...flags: string[]) =>
    await obuilder([command, "--store=qemu:/nowhere", "-f", "-", ...flags, source], {
      services,
      stdin: spec,
    });
  return { ...directory, source, run };
}

const idIn = (text: string) => /\b[0-9a-f]{64}\b(?!.*\b[0-9a-f]{64}\b)/s.exec(text)?.[0];

describe("an ignore file", () => {
  it("counts for a plan and a build alike", async () => {
    await using setting = await project();
    const { run, path } = setting;
    const other = join(path, "patterns");
    await writeFile(other, "d\n");
    const ids = new Set<string | undefined>();
    for (const flags of [[], ["--no-ignore-file"], ["--ignore-file", other]]) {
      const planned = await run("plan", "--json", ...flags);
      const id = JSON.parse(planned.stdout.trimEnd().split("\n").at(-1) ?? "").id;
      expect(idIn((await run("build", ...flags)).stdout)).toBe(id);
      ids.add(id);
    }
    expect(ids.size).toBe(3);
  });

  it("is refused where it is not a file, or where none is wanted as well", async () => {
    await using setting = await project();
    const { run, source } = setting;
    expect(await run("plan", "--ignore-file", join(source, "none"))).toMatchObject({ code: 2 });
    expect(await run("build", "--ignore-file", source)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is not a file"),
    });
    expect(await run("plan", "--ignore-file", join(source, "build.log"), "--no-ignore-file")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("cannot be used together"),
    });
  });
});

describe("plan --verbose", () => {
  it("shows how much each copy takes, and its largest files, with names that cannot drive the terminal", async () => {
    await using setting = await project();
    const { stdout } = await setting.run("plan", "--verbose");
    expect(stdout).toContain(
      "    takes 2 files, 2.0 KiB; the largest:\n          2.0 KiB  d/\\u202ea\n              6 B  .dockerignore\n",
    );
    expect((await setting.run("plan")).stdout).not.toContain("takes");
  });
});

describe("a pattern in (exclude ...)", () => {
  it.each(["plan", "build"])("is a warning of %s, unless --quiet", async (command) => {
    await using setting = await project();
    const warning = '[WARNING] <stdin>:1:52: (exclude ...) takes names of files and directories: "*.tmp"';
    expect((await setting.run(command)).stderr).toContain(warning);
    expect((await setting.run(command, "-q")).stderr).not.toContain("WARNING");
  });
});
