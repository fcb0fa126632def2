#!/usr/bin/env node
"use strict";
// CommonJS, by package.json beside it: Node.js starts sooner without its loader of ES modules.
// Only syntax that old versions of Node.js read, so that they can say that they are too old.
var path = require("path");

var major = Number(process.versions.node.split(".")[0]);

function stop(message) {
  process.stderr.write("obuilder: " + message + "\n");
  process.exitCode = 4;
}

function load() {
  try {
    var codeCache = require("../bundle/code-cache.cjs");
    var file = codeCache.cacheFileFor(process.argv.slice(2), process.env);
    return codeCache.loadBundle(path.join(__dirname, "../bundle"), "main.cjs", file);
  } catch (error) {
    if (!error || (error.code !== "MODULE_NOT_FOUND" && error.code !== "ENOENT")) throw error;
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
