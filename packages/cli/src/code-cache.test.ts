import { execFile } from "node:child_process";
import { chmod, chown, copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { temporaryDirectory } from "./testing/directory.ts";

// What `bundle.mjs` puts into the bundle; no source imports it.
const codeCacheFile = path.join(import.meta.dirname, "../code-cache.cjs");
const { cacheFileFor }: { cacheFileFor: (argv: string[], env: NodeJS.ProcessEnv) => string | undefined } =
  createRequire(import.meta.url)(codeCacheFile);

let home: string;
let directory: AsyncDisposable & { readonly path: string };
beforeEach(async () => {
  directory = await temporaryDirectory();
  home = directory.path;
});
afterEach(async () => await directory[Symbol.asyncDispose]());

test("code is kept in a directory of this user's, for each command apart", () => {
  const file = cacheFileFor(["-v", "build", "--f=x"], { HOME: home }) ?? "";
  expect(path.relative(home, file)).toMatch(/^\.cache\/obuilder\/code\/\S+\/build\.code$/);
  expect(path.basename(cacheFileFor(["image", "--help"], { HOME: home }) ?? "")).toBe("help-image.code");
  expect(path.basename(cacheFileFor(["../../x"], { HOME: home }) ?? "")).toBe("other.code");
  expect(cacheFileFor([], { XDG_CACHE_HOME: home })).toBe(
    path.join(home, "obuilder/code", path.basename(path.dirname(file)), "none.code"),
  );
});

test("no code is kept where others could put theirs", async () => {
  const code = path.join(home, ".cache/obuilder/code");
  await mkdir(code, { recursive: true });
  await chmod(code, 0o777);
  expect(cacheFileFor(["build"], { HOME: home })).toBeUndefined();
  await chmod(code, 0o700);
  const file = cacheFileFor(["build"], { HOME: home }) ?? "";
  expect((await stat(path.dirname(file))).mode & 0o777).toBe(0o700);
  await chmod(path.dirname(file), 0o770);
  expect(cacheFileFor(["build"], { HOME: home })).toBeUndefined();
});

test.each([
  ["no home", {}],
  ["a home that is not absolute", { HOME: "home" }],
  ["a home that does not exist", { HOME: "/nonexistent/home" }],
  ["Node's own variable", { NODE_DISABLE_COMPILE_CACHE: "1", HOME: "/" }],
])("with %s no code is kept", (_, env) => {
  expect(cacheFileFor(["build"], env)).toBeUndefined();
});

test.runIf(process.geteuid?.() === 0)(
  "with somebody else's home no code is kept, and nothing is made there",
  async () => {
    await chown(home, 1234, 1234);
    expect(cacheFileFor(["build"], { HOME: home })).toBeUndefined();
    expect(await readdir(home)).toStrictEqual([]);
  },
);

test("code of few bundles is kept", async () => {
  const code = path.join(home, "obuilder/code");
  await mkdir(code, { recursive: true, mode: 0o700 });
  for (const name of ["a", "b", "c", "d", "e", "f", "g"]) await mkdir(path.join(code, name));
  cacheFileFor(["build"], { XDG_CACHE_HOME: home });
  expect(await readdir(code)).toHaveLength(6);
});

test("a bundle runs with and without code of an earlier run, and whatever is in its file", async () => {
  await writeFile(
    path.join(home, "main.cjs"),
    'const path = require("node:path");\nexports.run = async () => [path.basename(__filename), require("./part.cjs").twice(21), (await require("./import-module.cjs")("./module.mjs")).name];\n',
  );
  await writeFile(path.join(home, "part.cjs"), "exports.twice = (number) => number * 2;\n");
  await copyFile(path.join(codeCacheFile, "../import-module.cjs"), path.join(home, "import-module.cjs"));
  await writeFile(path.join(home, "module.mjs"), "export const name = 'module';\n");
  const file = path.join(home, "main.code");
  const files = ["import-module.cjs", "main.cjs", "main.code", "module.mjs", "part.cjs"];
  const words = [home, "main.cjs", file].map((word) => JSON.stringify(word)).join();
  const load = `require(${JSON.stringify(codeCacheFile)}).loadBundle(${words})`;
  const script = `${load}.run().then((result) => console.log(JSON.stringify(result)))`;
  const run = async (): Promise<number> => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["-e", script]);
    expect(JSON.parse(stdout)).toStrictEqual(["main.cjs", 42, "module"]);
    // No warning of an experiment.
    expect(stderr).toBe("");
    return (await stat(file)).ino;
  };
  const first = await run();
  // It is written anew if V8 refuses the code of any file.
  expect(await run()).toBe(first);
  for (const wrong of ["", "{}\n", "garbage", (await readFile(file)).subarray(0, -20)]) {
    await rm(file);
    await writeFile(file, wrong);
    await run();
    expect(JSON.parse((await readFile(file, "latin1")).split("\n", 1)[0] ?? "")).toMatchObject({ format: 1 });
  }
  expect((await readdir(home)).toSorted()).toStrictEqual(files);
});

test("code of a file that only some runs load stays when another run adds its own", async () => {
  await writeFile(path.join(home, "main.cjs"), "exports.load = (name) => require(name).name;\n");
  for (const name of ["a", "b"])
    await writeFile(path.join(home, `${name}.cjs`), `exports.name = "${name}";\n`);
  const file = path.join(home, "main.code");
  const words = [home, "main.cjs", file].map((word) => JSON.stringify(word)).join();
  const run = async (name: string): Promise<number> => {
    const script = `console.log(require(${JSON.stringify(codeCacheFile)}).loadBundle(${words}).load("./${name}.cjs"))`;
    expect((await promisify(execFile)(process.execPath, ["-e", script])).stdout).toBe(`${name}\n`);
    return (await stat(file)).ino;
  };
  await run("a");
  const second = await run("b");
  expect(await run("a")).toBe(second);
  expect(await run("b")).toBe(second);
});
