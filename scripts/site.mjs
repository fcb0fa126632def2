// npm run site, npm run site:dev: builds the web site of docs/, or serves it while it is written. `npm run docs` first puts
// the API reference into it.
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { call, main, node, repository } from "./environment.mjs";
import { installNpmPackages } from "./setup.mjs";

await main(() => {
  installNpmPackages();
  const site = join(repository, "site");
  const vitepress = join(site, "node_modules", "vitepress", "bin", "vitepress.js");
  const [command = "build", ...options] = process.argv.slice(2);
  const status = call(node, [vitepress, command, site, ...options]);
  const reference = join(repository, "docs", "api");
  if (status === 0 && command === "build" && existsSync(reference))
    cpSync(reference, join(site, "dist", "api"), { recursive: true });
  return status;
});
