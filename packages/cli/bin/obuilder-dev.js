#!/usr/bin/env node
// The command in a clone of the repository: the bundle, unless a package has been compiled since. It is not published.
// Only syntax that old versions of Node.js read, as in obuilder.js.
import { readdirSync, statSync } from "node:fs";

function here(path) {
  return new URL("../" + path, import.meta.url);
}

/** When a file was written; 0 if there is none. */
function writtenAt(path) {
  try {
    return statSync(here(path)).mtimeMs;
  } catch {
    return 0;
  }
}

/** Is there no bundle, or has a package been compiled since? */
function isStale() {
  var bundle = writtenAt("bundle/main.js");
  if (bundle === 0) return true;
  var packages = readdirSync(here("node_modules/@ob")).map(function (name) {
    return "node_modules/@ob/" + name + "/";
  });
  return ["", ...packages].some(function (place) {
    return writtenAt(place + "dist/.tsbuildinfo") > bundle;
  });
}

function stop(message, hint) {
  process.stderr.write("obuilder: " + message + "\nHint: in a clone of the repository, " + hint + "\n");
  process.exitCode = 4;
}

if (Number(process.versions.node.split(".")[0]) < 24) {
  stop(
    "This is Node.js " + process.version + " (" + process.execPath + "), and 24 or later is needed.",
    "`npx obuilder` runs the Node.js that was installed with it.",
  );
} else if (isStale()) {
  import("@ob/cli").then(
    function (cli) {
      return cli.start();
    },
    function (error) {
      if (!error || error.code !== "ERR_MODULE_NOT_FOUND") throw error;
      stop(error.message, "`npm run quickstart` installs and builds all packages.");
    },
  );
} else {
  void import("./obuilder.js");
}
