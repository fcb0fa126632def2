#!/usr/bin/env node
// Only syntax that old versions of Node.js read, so that they can say that they are too old.
import nodeModule from "node:module";

var major = Number(process.versions.node.split(".")[0]);

function stop(message) {
  process.stderr.write("obuilder: " + message + "\n");
  process.exitCode = 4;
}

function load() {
  nodeModule.enableCompileCache();
  try {
    return nodeModule.createRequire(import.meta.url)("../bundle/main.cjs");
  } catch (error) {
    if (!error || error.code !== "MODULE_NOT_FOUND") throw error;
    stop(error.message.split("\n")[0] + ".\nHint: the installation is not complete; install @ob/cli again.");
    return undefined;
  }
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
  var cli = load();
  if (cli) void cli.start();
}
