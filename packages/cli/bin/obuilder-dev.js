#!/usr/bin/env node
"use strict";
// The command in a clone of the repository: the bundle, unless a package has been compiled since. It is not published.
// Only syntax that old versions of Node.js read, as in obuilder.js.
var fs = require("fs");
var path = require("path");

var here = path.join(__dirname, "..");

/** When a file was written; 0 if there is none. */
function writtenAt(file) {
  var found = fs.statSync(path.join(here, file), { throwIfNoEntry: false });
  return found === undefined ? 0 : found.mtimeMs;
}

/** Is there no bundle, or has a package been compiled since? */
function isStale() {
  var bundle = writtenAt("bundle/main.js");
  if (bundle === 0) return true;
  var packages = fs.readdirSync(path.join(here, "node_modules/@ob")).map(function (name) {
    return "node_modules/@ob/" + name + "/";
  });
  return [""].concat(packages).some(function (place) {
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
  require("./obuilder.js");
}
