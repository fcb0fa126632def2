"use strict";
// Loaded before the command: writes the modules of Node.js that it has loaded to the file OB_BUILTINS when it ends.
const { writeFileSync } = require("node:fs");

process.once("exit", () => {
  const names = process.moduleLoadList.flatMap((line) => /^NativeModule (.*)/.exec(line)?.[1] ?? []);
  writeFileSync(process.env.OB_BUILTINS, names.join("\n"));
});
