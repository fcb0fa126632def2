#!/usr/bin/env node
// Only syntax that old versions of Node.js read, so that they can say that they are too old.
import { readdirSync, statSync } from "node:fs";

var major = Number(process.versions.node.split(".")[0]);

function stop(message) {
  process.stderr.write("obuilder: " + message + "\n");
  process.exitCode = 4;
}

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

/** The bundle that packages/cli/bundle.mjs makes, unless a package has been compiled since. */
function entry() {
  var bundle = writtenAt("bundle/main.js");
  if (bundle === 0) return "@ob/cli";
  var packages = [];
  try {
    packages = readdirSync(here("node_modules/@ob")).map(function (name) {
      return "node_modules/@ob/" + name + "/";
    });
  } catch {
    // An installed command has nothing but its bundle.
  }
  var compiled = ["", ...packages].map(function (place) {
    return writtenAt(place + "dist/.tsbuildinfo");
  });
  return Math.max.apply(undefined, compiled) > bundle ? "@ob/cli" : here("bundle/main.js").href;
}

if (major < 24) {
  stop(
    "This is Node.js " +
      process.version +
      " (" +
      process.execPath +
      "), and 24 or later is needed.\nHint: in a clone of the repository, `npx obuilder` runs the Node.js that was installed with it.",
  );
} else {
  import("node:module")
    .then(function (module) {
      module.enableCompileCache();
      return import(entry());
    })
    .then(
      function (cli) {
        return cli.start();
      },
      function (error) {
        if (!error || error.code !== "ERR_MODULE_NOT_FOUND") throw error;
        stop(
          error.message +
            "\nHint: in a clone of the repository, `npm run quickstart` installs and builds all packages.",
        );
      },
    );
}
