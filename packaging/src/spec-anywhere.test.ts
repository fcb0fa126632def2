import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { rolldown } from "rolldown";
import { beforeAll, expect, inject, test } from "vitest";
import { installedPackages, installProject } from "./project.ts";
import { call, callTool } from "./tools.ts";

const directory = join(inject("work"), "projects", "spec-anywhere");
const text = '((from debian) (run (shell "make all")))';
const machine = '((from debian)(run(shell"make all")))';

beforeAll(async () => {
  await installProject({ directory, packed: inject("packed"), wanted: ["@ob/spec"] });
});

test("@ob/spec has types that need neither Node.js's nor a browser's", async () => {
  await writeFile(
    join(directory, "types.ts"),
    'import { parseSpec } from "@ob/spec";\nexport const { ops } = parseSpec("", { file: "a" });\n' +
      'import { lintSource, openDocument } from "@ob/spec/editor";\nexport const problems = lintSource("");\n' +
      'export const symbols = openDocument("").symbols();\n',
  );
  const compilerOptions = {
    ...{ target: "es2022", lib: ["es2022"], module: "preserve", moduleResolution: "bundler", types: [] },
    ...{ strict: true, skipLibCheck: false, noEmit: true },
  };
  await writeFile(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["types.ts"] }));
  await callTool("tsc", ["--project", "tsconfig.json"], { cwd: directory });
});

test("@ob/spec parses in a browser's script, where there is nothing of Node.js", async () => {
  const input = join(directory, "browser.js");
  const names = 'export { parseSpec, printMachine } from "@ob/spec";\n';
  await writeFile(input, `${names}export { formatSource, lintSource } from "@ob/spec/editor";\n`);
  const problems: string[] = [];
  await using bundle = await rolldown({
    ...{ input, cwd: directory, platform: "browser" },
    onLog: (level, { message }) => void (level === "warn" && problems.push(message)),
  });
  const { output } = await bundle.generate({ format: "iife", name: "spec" });
  expect(problems).toEqual([]);
  const page = createContext({ TextDecoder, TextEncoder, text });
  expect(runInContext(`${output[0].code};spec.printMachine(spec.parseSpec(text, { file: "a" }))`, page)).toBe(
    machine,
  );
  const lint = `${output[0].code};spec.lintSource(spec.formatSource("; a\\n" + text)).length`;
  expect(runInContext(lint, page)).toBe(0);
});

test("@ob/spec has no dependency that asks for more than Node.js 20", async () => {
  for (const [path, { engines }] of await installedPackages(directory)) {
    const [, least = "0"] = />=\s*(\d+)/.exec(engines?.node ?? "") ?? [];
    expect(Number(least), path).toBeLessThanOrEqual(20);
  }
});

test("@ob/spec parses on Node.js 20", async (context) => {
  const node = await findNode(20);
  if (node === undefined) context.skip("There is no Node.js 20 on PATH.");
  const program = `import { parseSpec, printMachine } from "@ob/spec";
    try { parseSpec("((from a) (rnu))", { file: "a" }); } catch (error) { if (!/did you mean/.test(error.message)) throw error; }
    console.log(printMachine(parseSpec(${JSON.stringify(text)}, { file: "a" })));`;
  expect(await call(node ?? "", ["--input-type=module", "--eval", program], { cwd: directory })).toBe(
    machine,
  );
});

/** The path of a Node.js of a major version on PATH. */
async function findNode(major: number): Promise<string | undefined> {
  for (const place of [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/bin", "/usr/bin"]) {
    const version = await call(join(place, "node"), ["--version"]).catch(() => "");
    if (version.startsWith(`v${major}.`)) return join(place, "node");
  }
  return undefined;
}
