import { glob, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";

const recorder = path.join(import.meta.dirname, "support/record-modules.mjs");
const builtinsRecorder = path.join(import.meta.dirname, "support/record-builtins.cjs");
const bundled = path.resolve(import.meta.dirname, "../packages/cli/bin/obuilder.js");

/** Modules of Node.js that take a tenth of the time of a cached build each. */
const slowBuiltins = ["crypto", "stream", "net", "internal/fs/promises", "perf_hooks", "child_process"];

/** What only clusters, registries, editors, reports and settings files need: npm packages, and packages of ours. */
const optional = [
  ...["bullmq", "ioredis", "age-encryption", "prom-client", "@opentelemetry", "@humanwhocodes"],
  ...["vscode-languageserver", "vscode-languageserver-protocol", "vscode-jsonrpc", "dockerfile-ast"],
  "d3-scale",
];
const ownOptional = ["cluster", "registry"];

/** The modules of a command. It runs as compiled: the bundle that is published is split where modules are loaded when used. */
async function modulesOf(
  store: TestStore,
  args: readonly string[],
  exitCode = 0,
): Promise<readonly string[]> {
  const file = path.join(store.work, "..", `${crypto.randomUUID()}.modules`);
  await writeFile(file, "");
  const ran = await execa(process.execPath, [recorder, ...args], {
    all: true,
    reject: false,
    stdin: "ignore",
    env: { OB_MODULES: file },
  });
  expect(ran.exitCode, ran.all).toBe(exitCode);
  return (await readFile(file, "utf8")).trim().split("\n");
}

/** The modules of Node.js that the bundled command loads. */
async function builtinsOf(store: TestStore, args: readonly string[]): Promise<readonly string[]> {
  const file = path.join(store.work, "..", `${crypto.randomUUID()}.builtins`);
  const words = ["--require", builtinsRecorder, bundled, ...args];
  await execa(process.execPath, words, { stdin: "ignore", env: { OB_BUILTINS: file } });
  return (await readFile(file, "utf8")).split("\n");
}

/** The files of the bundle that a command loads, by the code that it keeps. */
async function bundleFilesOf(store: TestStore, args: readonly string[]): Promise<readonly string[]> {
  const caches = path.join(store.work, "..", crypto.randomUUID());
  await mkdir(caches);
  await execa(process.execPath, [bundled, ...args], {
    stdin: "ignore",
    env: { XDG_CACHE_HOME: caches },
  });
  const [kept] = await Array.fromAsync(glob("obuilder/code/*/*.code", { cwd: caches }));
  const code = await readFile(path.join(caches, kept ?? "none"), "latin1");
  const { files }: { files: [string, number][] } = JSON.parse(code.slice(0, code.indexOf("\n")));
  return files.map(([name]) => name.replace(/-[^-]{8}\.cjs$/, ""));
}

/** Those of a cluster or of a registry, by the names of their packages. */
function optionalOf(modules: readonly string[]): readonly string[] {
  const found = modules.flatMap((file) => [
    ...optional.filter((name) => file.includes(`/node_modules/${name}/`)),
    ...ownOptional.filter((name) => new RegExp(`/packages/${name}/(?:src|dist)/`).test(file)),
    ...(/\/packages\/spec\/(?:src|dist)\/editor\//.test(file) ? ["editor"] : []),
  ]);
  return [...new Set(found)].toSorted();
}

test("what a cluster, a registry, an editor, a report and a settings file need is loaded by the commands and options that use them only", async () => {
  await using store = await temporaryStore();
  const spec = path.join(store.work, "one.spec");
  // Imports the base image; no machine is needed for that.
  await writeFile(spec, `((from ${imageName}))`);
  const at = `--store=qemu:${store.directory}`;
  for (const args of [
    ["--help"],
    ["build", "--help"],
    ["plan", at, "-f", spec, store.work],
    ["build", at, "-f", spec, store.work],
  ]) {
    const modules = await modulesOf(store, args);
    expect(modules.length, args.join(" ")).toBeGreaterThan(10);
    expect(optionalOf(modules), args.join(" ")).toEqual([]);
  }
  // Here all layers are there: nothing runs.
  const cached = await modulesOf(store, ["build", at, "-f", spec, store.work]);
  expect(
    cached.filter((file) => /\/packages\/(?:qemu|sandbox-qemu\/dist\/(?!guest|ssh))/.test(file)),
  ).toEqual([]);
  expect(cached.some((file) => file.includes("/packages/sandbox-qemu/dist/guest/"))).toBe(true);
  for (const args of [["--help"], ...["build", "plan"].map((name) => [name, at, "-f", spec, store.work])]) {
    const builtins = await builtinsOf(store, args);
    expect(builtins).toContain("fs");
    expect(
      builtins.filter((name) => slowBuiltins.includes(name)),
      args.join(" "),
    ).toEqual([]);
  }
  for (const name of ["build", "plan"]) {
    const files = await bundleFilesOf(store, [name, at, "-f", spec, store.work]);
    expect(files, name).toContain("build");
    expect(files, name).not.toContain("later");
  }
  // Otherwise the names above would be wrong.
  expect(await bundleFilesOf(store, ["ls", at])).toContain("later");
  // Nothing listens on port 1: that is a warning.
  const shared = await modulesOf(store, ["build", at, "-f", spec, "--cache-from=127.0.0.1:1/ob", store.work]);
  expect(optionalOf(shared)).toEqual(["registry"]);
  await writeFile(path.join(store.work, "obuilder.json"), '{"timeout": "1h"}');
  const configured = await modulesOf(store, ["plan", at, "-f", spec, store.work]);
  expect(optionalOf(configured)).toContain("@humanwhocodes");
  await rm(path.join(store.work, "obuilder.json"));
  const key = await modulesOf(store, ["cluster", "key", "--new", path.join(store.work, "pool.key")]);
  expect(optionalOf(key)).toEqual(["age-encryption", "bullmq", "cluster", "ioredis"]);
  expect(optionalOf(await modulesOf(store, ["lint", spec]))).toEqual(["editor"]);
  const dockerfile = path.join(store.work, "Dockerfile");
  await writeFile(dockerfile, `FROM ${imageName}\n`);
  const converted = await modulesOf(store, ["dockerfile", "--reverse", "-f", dockerfile]);
  expect(optionalOf(converted)).toEqual(["dockerfile-ast", "editor"]);
  expect(optionalOf(await modulesOf(store, ["report", at]))).toEqual(["d3-scale"]);
  // It ends at once, since its input does.
  const served = await modulesOf(store, ["language-server"], 1);
  expect(optionalOf(served)).toEqual([
    ...["editor", "vscode-jsonrpc", "vscode-languageserver", "vscode-languageserver-protocol"],
  ]);
});
