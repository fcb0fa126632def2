import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { testTime } from "@ob/core/testing";
import { expect, it } from "vitest";
import { temporaryDirectory } from "./testing/directory.ts";
import { blocksOf, documents, repository, textOf } from "./testing/documents.ts";

const blocks = documents
  .flatMap((document) => blocksOf(document))
  .filter(({ language }) => language === "ts" || language === "js");

/** The sources of each entry of our packages, by the name that code imports. */
function sources(): Readonly<Record<string, readonly string[]>> {
  const manifests = globSync(["packages/*/package.json", "images/package.json"], { cwd: repository });
  const entries = manifests.flatMap((file) => {
    const manifest: { name: string; exports: Record<string, { "@ob/source": string }> } = JSON.parse(
      readFileSync(path.join(repository, file), "utf8"),
    );
    return Object.entries(manifest.exports).map(([entry, { "@ob/source": source }]) => {
      const name = path.posix.join(manifest.name, entry);
      return [name, [path.join(repository, path.dirname(file), source)]] as const;
    });
  });
  return Object.fromEntries(entries);
}

/** What of a block is compiled: of one that leaves parts out (`…`), its imports. */
function compilable({ code }: { readonly code: string }): string {
  if (!code.includes("/* … */")) return code;
  const imports = code.match(/^import .*;$/gm) ?? [];
  return imports.map((line) => line.replace("./freebsd.ts", "./guest.ts")).join("\n");
}

it("compiles the TypeScript and JavaScript of all documents", { timeout: testTime(120_000) }, async () => {
  expect(blocks.length).toBeGreaterThan(12);
  await using directory = await temporaryDirectory();
  const files: string[] = [];
  for (const block of blocks) {
    const name = `${block.document.replaceAll(/\W/g, "-")}-${block.line}`;
    files.push(path.join(name, "example.ts"));
    await mkdir(path.join(directory.path, name));
    await writeFile(path.join(directory.path, name, "example.ts"), compilable(block));
    const guest = readFileSync(path.join(repository, "examples/own-guest/guest.ts"));
    await writeFile(path.join(directory.path, name, "guest.ts"), guest);
  }
  const compilerOptions = {
    ...{ composite: false, incremental: false, declaration: false, declarationMap: false, noEmit: true },
    ...{ noUnusedLocals: false, paths: sources() },
    typeRoots: [path.join(repository, "node_modules/@types")],
  };
  const config = { extends: path.join(repository, "tsconfig.base.json"), compilerOptions, files };
  await writeFile(path.join(directory.path, "tsconfig.json"), JSON.stringify(config));
  await writeFile(path.join(directory.path, "package.json"), JSON.stringify({ type: "module" }));
  await run([path.join(repository, "node_modules/.bin/tsc"), "--project", directory.path]);
});

it("shows the recipe of examples/own-image as it is, without its comments", () => {
  const recipe = readFileSync(path.join(repository, "examples/own-image/recipe.ts"), "utf8");
  const code = recipe.replaceAll(/^ *(\/\/|\/\*\*).*\n/gm, "");
  expect(blocks.map((block) => block.code)).toContain(code);
});

/** The files and folders that the first column of a README's tables names. */
function filesInTables(document: string): readonly string[] {
  const cells = [...textOf(document).matchAll(/^\|([^|]*)\|/gm)].map(([, cell = ""]) => cell);
  const names = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));
  return names.filter((name) => /^[\w./-]+(\.ts|\/)$/.test(name) && !/^(src|result)\/$/.test(name));
}

const tables = documents
  .filter((document) => document.endsWith("/README.md"))
  .map((document) => ({ document, names: filesInTables(document) }))
  .filter(({ names }) => names.length > 0);

it.for(tables)("names files and folders in the tables of $document that exist", ({ document, names }) => {
  const folder = path.join(repository, path.dirname(document), "src");
  expect(names.filter((name) => !existsSync(path.join(folder, name)))).toEqual([]);
});

it("finds such tables in most packages", () => {
  expect(tables.length).toBeGreaterThan(4);
});
