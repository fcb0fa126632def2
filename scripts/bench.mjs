// npm run bench [-- NAME... --quick]: sets the machine up and measures; see bench/README.md.
import { join } from "node:path";
import { call, main, node, repository } from "./environment.mjs";
import { compile, installNpmPackages, setup } from "./setup.mjs";

await main(() => {
  const [name, ...options] = process.argv.slice(2);
  const run = (script, args) => call(node, [join(repository, "bench", "src", script), ...args]);
  // These need no images, and are not part of a run of everything: simulations depend on the sources alone, and faults take
  // half an hour.
  if (name === "cluster-sim" || name === "cluster-faults") {
    installNpmPackages();
    if (name === "cluster-faults") compile();
    return run(`${name}/main.ts`, options);
  }
  setup();
  // A part of its own, too: it needs root and Debian's redis-server and docker-registry.
  if (name === "cluster-vms") return run("cluster-vms/main.ts", options);
  return run("main.ts", process.argv.slice(2));
});
