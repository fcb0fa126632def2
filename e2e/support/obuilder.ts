import { writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import type { TestStore } from "./store.ts";

/** The command's file, for Node.js. */
export const obuilderFile = path.resolve(import.meta.dirname, "../../packages/cli/bin/obuilder-dev.js");

/** Flags for a guest under software emulation on a loaded machine, unless a test sets its own. */
const machine = { "--qemu-memory": "1", "--qemu-cpus": "2", "--qemu-boot-time": "120" };

export interface ObuilderOptions {
  /** Added to the environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  /** The working directory; by default that of this process. */
  readonly cwd?: string;
}

/** Runs the command as a user would. Does not reject for any exit status: tests check it themselves. */
export function obuilder(args: readonly string[], options: ObuilderOptions = {}) {
  return execa(process.execPath, [obuilderFile, ...args], {
    all: true,
    reject: false,
    ...(options.env && { env: { ...options.env } }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.input === undefined ? { stdin: "ignore" } : { input: options.input }),
  });
}

export interface BuildOptions extends ObuilderOptions {
  /** Additional flags. */
  readonly flags?: readonly string[];
  /** The source directory; by default the test's work directory. */
  readonly source?: string;
  /** By default true: steps with a network reach this host's 127.0.0.1, where the tests listen. */
  readonly hostLoopback?: boolean;
}

/** Starts `obuilder build` of a spec in a test's store. */
export async function startBuild(store: TestStore, spec: string, options: BuildOptions = {}) {
  return { process: obuilder(await buildArguments(store, spec, options), options) };
}

/** The command line of `startBuild`, for a test that starts it itself. */
export async function buildArguments(store: TestStore, spec: string, options: BuildOptions = {}) {
  const { flags = [], source = store.work } = options;
  const file = path.join(path.dirname(store.work), `${crypto.randomUUID()}.spec`);
  await writeFile(file, spec);
  const { hostLoopback = true } = options;
  const defaults = Object.entries(machine).flatMap(([flag, value]) =>
    flags.includes(flag) ? [] : [flag, value],
  );
  if (hostLoopback) defaults.push("--allow-host-loopback");
  return ["build", `--store=qemu:${store.directory}`, "-f", file, ...defaults, ...flags, source];
}

/** Waits until a build has printed `text`. The build continues, and its result contains all its output. */
export async function printed(process: Awaited<ReturnType<typeof startBuild>>["process"], text: string) {
  let seen = "";
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const listen = (chunk: Uint8Array | string) => {
    seen += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    if (seen.includes(text)) resolve();
  };
  process.all.on("data", listen);
  const end = process.then(() =>
    reject(new Error(`The build ended without ${JSON.stringify(text)}:\n${seen}`)),
  );
  try {
    await Promise.race([promise, end.then(() => promise)]);
  } finally {
    process.all.off("data", listen);
  }
}

/** Runs `obuilder build` and waits for its end. */
export async function build(store: TestStore, spec: string, options: BuildOptions = {}) {
  const { process: started } = await startBuild(store, spec, options);
  return await started;
}

/** The id that a successful build printed last. */
export function builtId(output: string): string {
  const id = /^Got: "([0-9a-f]{64})"$/m.exec(output)?.[1];
  if (id === undefined) throw new Error(`The build printed no id:\n${output}`);
  return id;
}
