import { chmod, lstat, mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { layerId } from "@ob/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { diskHolds } from "./support/disks.ts";
import { builtId, obuilder } from "./support/obuilder.ts";
import { type TestStore, temporaryStore } from "./support/store.ts";

const repository = path.resolve(import.meta.dirname, "..");
const machine = ["--qemu-memory", "512M", "--qemu-boot-time", "120"];

/** The contents of the first code block of a language in a document. */
async function firstBlock(document: string, language: string, after = ""): Promise<string> {
  const text = await readFile(path.join(repository, document), "utf8");
  const [, block] =
    new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(text.slice(text.indexOf(after))) ?? [];
  if (block === undefined) throw new Error(`${document} has no ${language} after ${JSON.stringify(after)}.`);
  return block;
}

/** The arguments of README's command lines that begin with this command, without `npx obuilder`. */
async function readmeCommands(name: string): Promise<readonly (readonly string[])[]> {
  const lines = (await firstBlock("README.md", "sh", "## Use it")).split("\n");
  const commands = lines.map((line) => line.replace(/ +#.*/, "").split(/ +/).slice(2));
  return commands.filter(([command]) => command === name);
}

async function readmeCommand(name: string): Promise<readonly string[]> {
  const [command] = await readmeCommands(name);
  if (!command) throw new Error(`README has no ${name}.`);
  return command;
}

let store: TestStore;
/** A user's project, which contains its own store. */
let project = "";
let storeInProject = "";
let id = "";
const run = (words: readonly string[]) => {
  const [command = "", ...rest] = words;
  const flags = ["build", "cp"].includes(command) ? machine : [];
  return obuilder([command, ...flags, ...rest], { cwd: project });
};
const planned = async () => {
  const [command = "", ...rest] = await readmeCommand("plan");
  const { stdout } = await run([command, "--json", ...rest]);
  return stdout.split("\n").map((line): { id: string; cached: boolean } => JSON.parse(line));
};

beforeAll(async () => {
  store = await temporaryStore();
  project = store.work;
  storeInProject = path.join(project, ".obuilder/store");
  await mkdir(path.join(project, "src"));
  await writeFile(path.join(project, "src/main.c"), "int main(void) { return 0; }\n");
  await writeFile(path.join(project, "hello.spec"), await firstBlock("README.md", "lisp", "## Use it"));
});
afterAll(() => store[Symbol.asyncDispose]());

test("README's commands work in a project that contains its store, and no key of the store enters a guest", async () => {
  const before = await planned();
  await mkdir(path.dirname(storeInProject));
  await rename(store.directory, storeInProject);
  await chmod(storeInProject, 0o755);

  const build = await readmeCommand("build");
  const first = await run(build);
  expect(first.exitCode, first.all).toBe(0);
  expect(first.stdout).toContain("./src/main.c");
  expect(first.stdout).not.toContain(".obuilder");
  expect(first.stderr.match(/now on only its owner can/g)).toHaveLength(1);
  id = builtId(first.all);
  expect(before.map((step) => step.id).at(-1)).toBe(id);

  const key = await readFile(path.join(storeInProject, "state/ssh/id_ed25519"), "utf8");
  // The lines before are the same for every key, and for its public half.
  const [, , , line = ""] = key.split("\n");
  expect(line.length).toBe(70);
  const ids = before.map((step) => layerId(step.id));
  for (const layer of ids) {
    const disk = path.join(storeInProject, "result", layer, "rootfs/image.qcow2");
    expect(await diskHolds(disk, line)).toBe(false);
  }

  const second = await run(build);
  expect(second.exitCode, second.all).toBe(0);
  expect(builtId(second.all)).toBe(id);
  expect(second.all).not.toContain("---> saved");
  expect(second.all).not.toContain("only its owner");
  expect(await planned()).toEqual(before.map((step) => ({ ...step, cached: true })));
});

test("README's `cp` copies files with their contents, readable according to the user's umask", async () => {
  for (const command of await readmeCommands("cp")) {
    const copied = await run(command.map((word) => word.replace(/^ID:/, `${id}:`)));
    expect(copied.exitCode, copied.all).toBe(0);
    const file = path.join(project, path.posix.basename(command.at(-2) ?? ""));
    const found = await lstat(file);
    expect(found.isFile(), file).toBe(true);
    expect(found.size).toBeGreaterThan(0);
    expect(found.mode & 0o777).toBe(0o644 & ~process.umask());
  }
  expect(await readFile(path.join(project, "os-release"), "utf8")).toContain("Debian");
});

test("the first example of docs/spec.md builds", async () => {
  await writeFile(path.join(project, "example.spec"), await firstBlock("docs/spec.md", "lisp"));
  const result = await run(["build", "--store=qemu:.obuilder/store", "-f", "example.spec", "."]);
  expect(result.exitCode, result.all).toBe(0);
  expect(result.all).toContain("HELLO.SPEC");
});

/** The groups of virtual machines; no account is in them. */
const ofVms = [1_879_048_192, 61_184];

test("what builds leave in a store is readable only by its owner, but what is exported follows the umask", async () => {
  const exported = await run(["export", "--store=qemu:.obuilder/store", id, "disk.qcow2"]);
  expect(exported.exitCode, exported.all).toBe(0);
  expect((await stat(path.join(project, "disk.qcow2"))).mode & 0o777).toBe(0o666 & ~process.umask());
  const paths = await readdir(storeInProject, { recursive: true });
  expect(paths.some((name) => name.startsWith("state/qemu/snapshots/"))).toBe(true);
  const open = [];
  for (const name of paths) {
    const { mode, gid } = await lstat(path.join(storeInProject, name));
    // Root lends files to the virtual machines, which have a group of their own: see docs/security.md.
    const lent = ofVms.includes(gid) ? 0o070 : 0;
    if ((mode & 0o077 & ~lent) !== 0) open.push(`${(mode & 0o777).toString(8)} ${name}`);
  }
  expect(open).toEqual([]);
  expect((await stat(storeInProject)).mode & 0o777).toBe(0o700);
});
