// npm run demo: records the README's picture anew, with real virtual machines in a store of its own.
import { join } from "node:path";
import { main, call, node, repository } from "./environment.mjs";
import { setup } from "./setup.mjs";

await main(() => {
  setup();
  return call(node, [join(repository, "site", "src", "demo", "demo.ts"), ...process.argv.slice(2)]);
});
