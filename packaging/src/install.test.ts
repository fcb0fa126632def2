import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { installedPackages, installProject } from "./project.ts";
import { importedPackages, readExamples } from "./readme.ts";
import { call, callTool } from "./tools.ts";
import { readManifest, repository } from "./workspace.ts";

const packed = inject("packed");
/** Install scripts that are known: this one looks for a binary of msgpackr that came with it, and can be left out. */
const knownScripts: Readonly<Record<string, readonly string[]>> = {
  "@ob/cluster": ["node_modules/msgpackr-extract"],
};
const nodeTypes = { "@types/node": "^24.0.0" };

/** Files that examples read, and how they are called with which arguments; those that need QEMU are only compiled. */
const runnable: Readonly<Record<string, readonly string[]>> = {
  "@ob/builder": [],
  "@ob/cli": ["example.spec"],
  "@ob/core": [],
  "@ob/spec": ["hello.spec"],
};

describe.each(packed)("$name, installed by npm in an empty project", ({ name, folder }) => {
  const directory = join(inject("work"), "projects", folder);

  beforeAll(async () => {
    const examples = await readExamples(folder);
    const wanted = [...new Set([name, ...examples.flatMap(({ code }) => importedPackages(code))])];
    await installProject({ directory, packed, wanted, others: nodeTypes });
  });

  test("runs no install script of any package but the known ones", async () => {
    const scripts = [...(await installedPackages(directory))].filter(
      ([, one]) => one.hasInstallScript === true,
    );
    expect(scripts.map(([path]) => path)).toEqual(knownScripts[name] ?? []);
  });

  test("can be imported by each of its entries", async () => {
    const { exports = {} } = readManifest(join(directory, "node_modules", name));
    const entries = Object.keys(exports).map((entry) => entry.replace(".", name));
    expect(entries).toContain(name);
    const imports = entries.map((entry) => `await import("${entry}");`).join("\n");
    await call(process.execPath, ["--input-type=module", "--eval", imports], { cwd: directory });
  });

  test.each(["nodenext", "bundler"])(
    "has a README whose examples compile, resolved as by %s",
    async (resolution) => {
      const examples = await readExamples(folder);
      const names = [];
      for (const [index, { code }] of examples.entries()) {
        names.push(`example-${index}.ts`);
        await writeFile(join(directory, `example-${index}.ts`), code);
      }
      expect(names).not.toEqual([]);
      const config = `tsconfig.${resolution}.json`;
      const module = resolution === "nodenext" ? "nodenext" : "preserve";
      const compilerOptions = {
        ...{ target: "esnext", module, moduleResolution: resolution, types: ["node"] },
        ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
      };
      await writeFile(join(directory, config), JSON.stringify({ compilerOptions, files: names }));
      await callTool("tsc", ["--project", config], { cwd: directory });
    },
  );

  test.runIf(name in runnable)("has a README whose first example runs and prints what it says", async () => {
    const [example] = await readExamples(folder);
    const spec = join(repository, "examples", "hello", "hello.spec");
    for (const file of runnable[name] ?? []) await cp(spec, join(directory, file));
    await writeFile(join(directory, "run.ts"), example?.code ?? "");
    const printed = await call(process.execPath, ["run.ts"], { cwd: directory });
    if (example?.output === undefined) expect(printed).toContain("((from debian-12-amd64)");
    else expect(`${printed}\n`).toBe(example.output);
  });
});

test("@ob/images finds the files of every recipe, and a recipe of a user finds @ob/images", async () => {
  const directory = join(inject("work"), "projects", "images");
  const program = `
    import { planImage, recipeNames } from "@ob/images";
    for (const recipe of [...recipeNames(), ${JSON.stringify(join(repository, "examples", "own-image"))}]) {
      const iso = recipe.startsWith("windows") ? "package.json" : undefined;
      const planned = await planImage({ recipe, iso });
      await planned.recipe.fingerprint(planned.parameters);
      console.log(planned.name);
    }`;
  const printed = await call(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: directory,
  });
  expect(printed.split("\n")).toEqual(
    expect.arrayContaining(["busybox", "windows-server-2022-amd64", "our-debian-13-amd64"]),
  );
});
