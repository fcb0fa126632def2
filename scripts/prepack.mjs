// Called by `prepack` of each package that is published, in its directory: compiles it, and removes from dist/ what has no
// source any more, for the compiler leaves that there. Plain JavaScript for any Node.js from 18 on.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bin, main, mustCall } from "./environment.mjs";

await main(() => {
  const directory = process.cwd();
  const options = { cwd: directory, what: "Compiling the sources" };
  mustCall(join(bin, "tsc"), ["--build"], options);
  removeStale(directory);
  return 0;
});

/** Removes compiled files whose source was removed or renamed. */
function removeStale(directory) {
  const { compilerOptions } = JSON.parse(readFileSync(join(directory, "tsconfig.json"), "utf8"));
  const output = join(directory, "dist");
  const stale = filesIn(output).filter((file) => {
    const [, source] = /^(.*?)(?:\.d)?\.(?:js|ts)(?:\.map)?$/.exec(file) ?? [];
    return source !== undefined && !existsSync(join(directory, compilerOptions.rootDir, `${source}.ts`));
  });
  for (const file of stale) rmSync(join(output, file));
}

/** Paths below a directory, relative to it. */
function filesIn(directory, below = "") {
  return readdirSync(join(directory, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    return entry.isDirectory() ? filesIn(directory, path) : [path];
  });
}
