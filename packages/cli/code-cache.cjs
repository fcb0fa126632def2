"use strict";
// Loads the bundle with the code that V8 made of it in an earlier run of the same command. Node's own compile cache has only
// what is compiled before a file runs, not the functions that the command calls, and by default it is where others can write.
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

/** Changes with each file of the bundle; bundle.mjs fills it in. V8 itself looks at nothing but a file's length. */
const bundleId = "BUNDLE_ID";
const format = 1;
/** Of how many bundles, or versions of Node.js, the code is kept. */
const maxKept = 6;
const begin = "(function (exports, require, module, __filename, __dirname) {";
const end = "\n})";

/**
 * The exports of a file of the bundle.
 *
 * @param {string} directory of the bundle.
 * @param {string} entry the name of the file in it.
 * @param {string | undefined} cache a file for the code; undefined if none is to be kept.
 */
exports.loadBundle = function loadBundle(directory, entry, cache) {
  const known = cache === undefined ? new Map() : readCode(cache);
  // Not from node:module, which loads what reads source maps.
  const nodeRequire = module.constructor.createRequire(path.join(directory, entry));
  const modules = new Map();
  const scripts = new Map();
  let isNew = false;

  function load(name) {
    const loaded = modules.get(name);
    if (loaded) return loaded.exports;
    const filename = path.join(directory, name);
    // bundle.mjs leaves nothing in it but ASCII: such a text takes half the memory, and no decoding.
    const source = fs.readFileSync(filename, "latin1");
    const module = { exports: {}, filename, id: filename, loaded: false };
    modules.set(name, module);
    const cachedData = known.get(name);
    const script = new vm.Script(begin + source + end, { filename, cachedData });
    if (cachedData === undefined || script.cachedDataRejected === true) isNew = true;
    scripts.set(name, script);
    try {
      script
        .runInThisContext()
        .call(module.exports, module.exports, requireFrom, module, filename, directory);
    } catch (error) {
      modules.delete(name);
      throw error;
    }
    module.loaded = true;
    return module.exports;
  }

  function requireFrom(id) {
    // Its import() needs a module of Node's.
    const isOurs = id.startsWith("./") && id !== "./import-module.cjs";
    return isOurs ? load(id.slice(2)) : nodeRequire(id);
  }
  requireFrom.resolve = nodeRequire.resolve;
  requireFrom.cache = nodeRequire.cache;

  if (cache !== undefined) {
    process.once("exit", () => {
      if (isNew) writeCode(cache, known, scripts);
    });
  }
  return load(entry);
};

/**
 * Where the code of a command is kept: in a directory that nobody but this user can write to, since it is run.
 *
 * @returns undefined if there is no such directory.
 */
exports.cacheFileFor = function cacheFileFor(argv, env) {
  if (env.NODE_DISABLE_COMPILE_CACHE) return undefined;
  const home = cacheHome(env);
  if (home === undefined || !isOwn(home.base, 0)) return undefined;
  const { version, arch, platform } = process;
  const parent = path.join(home.caches, "obuilder", "code");
  const directory = path.join(parent, `${bundleId}-${version}-${platform}-${arch}`);
  if (!isOwn(directory) && !create(parent, directory)) return undefined;
  return path.join(directory, `${commandOf(argv)}.code`);
};

/** Each command has its own: what one runs would only be ballast for another. */
function commandOf(argv) {
  const help = argv.includes("--help") ? "help-" : "";
  const name = argv.find((word) => !word.startsWith("-")) ?? "none";
  return help + (/^[a-z]{1,20}(-[a-z]{1,20})?$/.test(name) ? name : "other");
}

function cacheHome({ XDG_CACHE_HOME: given, HOME: home }) {
  if (given && path.isAbsolute(given)) return { base: given, caches: given };
  return home && path.isAbsolute(home) ? { base: home, caches: path.join(home, ".cache") } : undefined;
}

/** Belongs to this user: after sudo, HOME can be somebody else's. By default nobody else can write to it, either. */
function isOwn(directory, others = 0o022) {
  try {
    const stats = fs.statSync(directory);
    return stats.isDirectory() && stats.uid === process.geteuid() && (stats.mode & others) === 0;
  } catch {
    return false;
  }
}

function create(parent, directory) {
  try {
    fs.mkdirSync(parent, { recursive: true, mode: 0o700 });
    if (!isOwn(parent)) return false;
    removeOld(parent);
    fs.mkdirSync(directory, { mode: 0o700 });
    return isOwn(directory);
  } catch {
    return false;
  }
}

function removeOld(parent) {
  const written = fs.readdirSync(parent).map((name) => {
    const file = path.join(parent, name);
    return { file, at: fs.statSync(file).mtimeMs };
  });
  written.sort((one, other) => other.at - one.at);
  for (const { file } of written.slice(maxKept - 1)) fs.rmSync(file, { recursive: true, force: true });
}

/** V8 copies what does not start at a multiple of it. In bytes. */
const alignment = 8;

function padded(length) {
  return Math.ceil(length / alignment) * alignment;
}

/** The code by the name of its file: a line of JSON with their lengths, then one after the other, each padded. */
function readCode(file) {
  const found = new Map();
  try {
    const bytes = fs.readFileSync(file);
    const border = bytes.indexOf(10);
    const head = JSON.parse(bytes.toString("latin1", 0, border));
    if (head.format !== format) return found;
    let start = padded(border + 1);
    for (const [name, length] of head.files) {
      if (start + length > bytes.length) return new Map();
      found.set(name, bytes.subarray(start, start + length));
      start += padded(length);
    }
    return found;
  } catch {
    return new Map();
  }
}

/**
 * Written beside and renamed: another process may read it. A cache that cannot be written is done without. What an earlier run has kept of
 * files that this one has not loaded stays, else runs that load different files would write it each time.
 */
function writeCode(file, known, scripts) {
  const fresh = `${file}-${process.pid}`;
  try {
    const all = new Map(known);
    for (const [name, script] of scripts) all.set(name, script.createCachedData());
    const code = [...all];
    const head = JSON.stringify({ format, files: code.map(([name, bytes]) => [name, bytes.length]) });
    const parts = [Buffer.from(`${head}\n`, "latin1"), ...code.map(([, each]) => each)];
    const aligned = parts.map((part) => Buffer.concat([part], padded(part.length)));
    fs.writeFileSync(fresh, Buffer.concat(aligned), { mode: 0o600, flag: "wx" });
    fs.renameSync(fresh, file);
  } catch {
    fs.rmSync(fresh, { force: true });
  }
}
