// npm run bench [-- NAME... --quick]: sets the machine up and measures; see bench/README.md.
import { join } from "node:path";
import { call, main, node, repository } from "./environment.mjs";
import { setup } from "./setup.mjs";

await main(() => {
  setup();
  return call(node, [join(repository, "bench", "src", "main.ts"), ...process.argv.slice(2)]);
});
