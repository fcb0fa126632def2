// npm run bench [-- NAME... --quick]: sets the machine up and measures; see bench/README.md.
import { join } from "node:path";
import { call, main, node, repository } from "./environment.mjs";
import { installNpmPackages, setup } from "./setup.mjs";

await main(() => {
  const [name, ...options] = process.argv.slice(2);
  const run = (script, args) => call(node, [join(repository, "bench", "src", script), ...args]);
  // A simulation needs no images, and is not part of a run of everything: its results depend on the sources alone.
  if (name === "cluster-sim") {
    installNpmPackages();
    return run("cluster-sim/main.ts", options);
  }
  setup();
  return run("main.ts", process.argv.slice(2));
});
