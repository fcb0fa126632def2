// Where things are, and how other programs are started. Plain JavaScript for any Node from 18 on: this runs before
// anything is installed.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("..", import.meta.url));
export const bin = join(repository, "node_modules", ".bin");
/** Node 24, as the lock file has it. Not by its name in `bin`: that is a shell script, which a Ctrl-C ends first. */
export const node = join(repository, "node_modules", "node", "bin", "node");
export const store = join(repository, ".obuilder", "store");
export const defaultImage = "debian-12-amd64";
/** Images that only the tests need: a host that cannot make them can still run the others. */
export const testImages = ["debian-13-riscv64"];

/** Images of tests that take too long for `npm test`. */
export const slowTestImages = ["debian-12-amd64-systemd", "debian-13-amd64-systemd"];

/** The path of a program, or undefined. Searches the directories of programs for root, too. */
export function which(program) {
  for (const directory of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"]) {
    const path = join(directory, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}

/** The environment for our own programs: theirs first on PATH, and without what `npm run` leaves in it. */
export function environment() {
  const kept = Object.entries(process.env).filter(([name]) => !isNpmsOwn(name));
  return {
    ...Object.fromEntries(kept),
    PATH: [bin, process.env.PATH, "/usr/sbin", "/sbin"].join(delimiter),
    npm_config_loglevel: "error",
    npm_config_update_notifier: "false",
  };
}

// What a person has set, a registry or a proxy, stays; what npm has made up for its scripts goes: a second npm would
// take its own defaults for unknown settings, and warn about each.
function isNpmsOwn(name) {
  return (
    /^npm_(package_|lifecycle_|command$|execpath$|node_execpath$)/.test(name) ||
    /^npm_config_(global_?|init_|local_|node_?gyp|nodedir|npm_version|prefix|user_?config|user_agent)/.test(
      name,
    ) ||
    name === "INIT_CWD"
  );
}

/** Runs a program with this terminal. Returns its exit status; 130 and the like where a signal ended it. */
export function call(program, args, options = {}) {
  const { status, signal, error } = spawnSync(program, args, {
    cwd: repository,
    env: environment(),
    stdio: "inherit",
    ...options,
  });
  if (error) throw new Stop(`${program} cannot be started: ${error.message}`);
  return status ?? (signal === "SIGINT" ? 130 : 143);
}

/** Ends the command with a message for the reader, and no stack. */
export class Stop extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** As `call`, and anything but success stops the command. */
export function mustCall(program, args, { what, ...options } = {}) {
  const status = call(program, args, options);
  if (status !== 0) throw new Stop(status > 128 ? "Cancelled." : `${what ?? program} failed.`, status);
}

/** Runs the command's work, and turns what stops it into an exit status. */
export async function main(work) {
  // The program that runs gets a Ctrl-C too; it cleans up, and its exit status says that it was cancelled.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => undefined);
  try {
    process.exitCode = await work();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(error.message);
    process.exitCode = error.exitCode;
  }
}
