// What both commands need: system packages, npm packages, the compiled sources, and the default image in the default
// store. Each part is done once, and again when what it comes from has changed.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  bin,
  call,
  defaultImage,
  mustCall,
  node,
  repository,
  Stop,
  store,
  testImages,
} from "./environment.mjs";
import { installSystemPackages } from "./system-packages.mjs";

/** @param forVerify, forTests, forClusters set up what only `npm run verify`, the tests in virtual machines, or the services of a cluster, need, too. */
export function setup({ forVerify = false, forTests = forVerify, forClusters = forTests } = {}) {
  installSystemPackages({ forVerify, forTests, forClusters });
  installNpmPackages();
  compile();
  mustCall(node, [join(repository, "packages", "cli", "bundle.mjs")], { what: "Bundling the command" });
  makeDefaultImage();
  if (forTests) makeTestImages();
}

export function compile() {
  mustCall(join(bin, "tsc"), ["--build", "tsconfig.json"], { what: "Compiling the sources" });
}

const mark = join(repository, "node_modules", ".obuilder-installed");

export function installNpmPackages() {
  const lock = createHash("sha256")
    .update(readFileSync(join(repository, "pnpm-lock.yaml")))
    .digest("hex");
  if (read(mark) === lock) return;
  console.log("Installing the npm packages.");
  const { packageManager } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  const args = ["--yes", packageManager, "install", "--frozen-lockfile", "--reporter=append-only"];
  mustCall("npx", args, { what: "Installing the npm packages", stdio: ["ignore", "ignore", "inherit"] });
  writeFileSync(mark, lock);
}

/** The command's file, for `node`. */
export const obuilder = join(repository, "packages", "cli", "bin", "obuilder-dev.js");

/** Makes an image unless the store has it as its recipe makes it now. Returns the exit status. */
export function makeImage(name) {
  return call(node, [obuilder, "image", "build", name, `--store=qemu:${store}`]);
}

function makeDefaultImage() {
  const status = makeImage(defaultImage);
  if (status !== 0) throw new Stop(status > 128 ? "Cancelled." : "Making the default image failed.", status);
}

function makeTestImages() {
  for (const image of testImages) {
    const status = makeImage(image);
    if (status > 128) throw new Stop("Cancelled.", status);
    if (status !== 0) console.error(`The tests of ${image} will be skipped.`);
  }
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
