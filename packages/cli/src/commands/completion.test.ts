import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { obuilder } from "../testing/run.ts";

const has = (program: string) => {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** A directory that is first in PATH, with an `obuilder` that prints its words and offers what `offered` says. */
async function withFakeCommand(offered: string) {
  const directory = await temporaryDirectory();
  const bin = path.join(directory.path, "bin");
  await mkdir(bin);
  const script = `#!/bin/sh\nfor word; do printf '<%s>' "$word"; done >'${directory.path}/words'\nprintf '${offered}'\n`;
  await writeFile(path.join(bin, "obuilder"), script, { mode: 0o755 });
  await symlink("/etc", path.join(directory.path, "linked"));
  return {
    directory,
    env: { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}` },
    [Symbol.asyncDispose]: async () => await directory[Symbol.asyncDispose](),
  };
}

async function scriptFor(shell: string, directory: string): Promise<string> {
  const { code, stdout } = await obuilder(["completion", shell]);
  expect(code).toBe(0);
  const file = path.join(directory, `obuilder.${shell}`);
  await writeFile(file, stdout);
  return file;
}

const offered = String.raw`build\tBuild a spec\n--tag=tools:\tA tag\n`;

it("in bash gives what the command offers, without what is typed already", async () => {
  await using fake = await withFakeCommand(offered);
  const { directory, env } = fake;
  const file = await scriptFor("bash", directory.path);
  const run = (line: string) =>
    execFileSync(
      "bash",
      [
        "-c",
        'source "$1"; source "$1"; COMP_LINE=$2; COMP_POINT=${#2}; _obuilder; printf "[%s]" "${COMPREPLY[@]}"; cat "$3"',
        ...["_", file, line, path.join(directory.path, "words")],
      ],
      { env, encoding: "utf8" },
    );
  expect(run("obuilder build --tag=to")).toBe("[build][tools:]<__complete><--><build><--tag=to>");
  expect(run(String.raw`obuilder build my\ spec `)).toBe(
    "[build][--tag=tools:]<__complete><--><build><my spec><>",
  );
});

it.skipIf(!has("fish"))("in fish gives what the command offers, and paths", async () => {
  await using fake = await withFakeCommand(String.raw`${offered}:directories\n`);
  const { directory, env } = fake;
  const file = await scriptFor("fish", directory.path);
  const run = (line: string) =>
    execFileSync("fish", ["--no-config", "-c", "source $argv[1]; complete -C $argv[2]", file, line], {
      ...{ env, encoding: "utf8", cwd: directory.path },
    });
  expect(run("obuilder bu")).toBe("build\tBuild a spec\n");
  expect(run("obuilder --store=qemu:li")).toContain("--store=qemu:linked/\n");
});

it.skipIf(!has("zsh"))("in zsh gives what the command offers with its descriptions, and files", async () => {
  await using fake = await withFakeCommand(String.raw`${offered}:files\n`);
  const { directory, env } = fake;
  const file = await scriptFor("zsh", directory.path);
  const script = `
    compdef() { }
    _describe() { print -r -- "$2 \${(P)2} \${argv[3,-1]}" }
    _files() { print -r -- "files after '$IPREFIX'" }
    compset() { print -r -- "compset $*" }
    source $1; words=(obuilder build 'a b' -f ''); CURRENT=5; PREFIX=; _obuilder; cat $2`;
  const run = execFileSync("zsh", ["-fc", script, "_", file, path.join(directory.path, "words")], {
    ...{ env, encoding: "utf8" },
  });
  expect(run).toBe(
    `spaced build:Build a spec \njoined --tag=tools\\::A tag -S \ncompset -P qemu:\nfiles after ''\n` +
      "<__complete><--><build><a b><-f><>",
  );
});

it("offers the layers and tags of a store by the command itself", async () => {
  const { code, stdout } = await obuilder(["__complete", "--", "image", "imp"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "import\tAdds an existing disk as an image\n" });
  expect((await obuilder(["__complete", "--", "untag", "--store=nonsense", ""])).stdout).toBe("");
});

it("needs a shell that it knows", async () => {
  expect(await obuilder(["completion", "tcsh"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('bash, fish, zsh, not "tcsh"'),
  });
  expect((await obuilder(["completion"])).stderr).toContain("No shell is given: bash, fish, zsh.");
});
