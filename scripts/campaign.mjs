// npm run campaign -- NAME [--seed N] [--minutes M]: sets the machine up, and makes faults; see campaign/README.md.
import { join } from "node:path";
import { call, main, node, repository } from "./environment.mjs";
import { setup } from "./setup.mjs";

await main(() => {
  setup({ forTests: true });
  return call(node, [
    "--conditions=@ob/source",
    join(repository, "campaign", "src", "main.ts"),
    ...process.argv.slice(2),
  ]);
});
