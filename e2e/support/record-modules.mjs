// Runs the command from its compiled modules, and appends the URL of each that is loaded to the file OB_MODULES.
import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";
import process from "node:process";

const file = process.env.OB_MODULES;
registerHooks({
  load(url, context, next) {
    if (file !== undefined) appendFileSync(file, `${url}\n`);
    return next(url, context);
  },
});
const cli = await import("../../packages/cli/dist/index.js");
await cli.start();
