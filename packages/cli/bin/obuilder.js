#!/usr/bin/env node
// Only syntax that old versions of Node.js read, so that they can say that they are too old.
var major = Number(process.versions.node.split(".")[0]);

function stop(message) {
  process.stderr.write("obuilder: " + message + "\n");
  process.exitCode = 4;
}

if (major < 24) {
  stop(
    "This is Node.js " +
      process.version +
      " (" +
      process.execPath +
      "), and 24 or later is needed.\nHint: install it from https://nodejs.org, or put it before this one on PATH.",
  );
} else {
  import("node:module")
    .then(function (module) {
      module.enableCompileCache();
      return import("../bundle/main.js");
    })
    .then(
      function (cli) {
        return cli.start();
      },
      function (error) {
        if (!error || error.code !== "ERR_MODULE_NOT_FOUND") throw error;
        stop(error.message + "\nHint: the installation is not complete; install @ob/cli again.");
      },
    );
}
