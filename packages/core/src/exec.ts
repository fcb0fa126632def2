import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import type { ExecaError } from "execa";
import { childEnvironment } from "./child-environment.ts";
import { checkArgument } from "./check-options.ts";
import { cancelledError, noSpaceError, ObError } from "./errors.ts";
import { type Emit, noopEmit } from "./events.ts";
import { debianPackageOf } from "./debian-packages.ts";
import { searchPath } from "./fs.ts";

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
  readonly cwd?: string | undefined;
  /** Variables added to the environment of this process, of which the program does not get what looks like a secret. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What the program reads on its standard input; by default nothing. */
  readonly input?: string | Uint8Array | Readable | undefined;
  /** Absolute path of a file that gets its standard output, byte for byte; then `RunResult.stdout` is empty. */
  readonly stdoutFile?: string | undefined;
  /** Ends the program after so many milliseconds; by default never. */
  readonly timeoutMs?: number | undefined;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program on the host and waits for it. The arguments reach it verbatim: there is no shell.
 *
 * @throws ObError `MISSING_TOOL` if it is not installed (the hint names the package), `CANCELLED` if the
 *   signal fired (the program has been ended), `NO_SPACE` or `TOOL_FAILED` with its last lines otherwise.
 */
export async function run(
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<RunResult> {
  checkArgument("run: argv", argv, "array");
  const [file, ...args] = argv;
  const { signal, emit = noopEmit, cwd, env, input, stdoutFile, timeoutMs } = options;
  if (signal?.aborted) throw cancelledError(signal);
  emit({ type: "exec", argv });
  // Loaded with the first program that runs: a plan, or a build with all layers cached, starts in half the time without.
  const { execa, ExecaError } = await import("execa");
  try {
    const result = await execa(file, args, {
      ...(signal && { cancelSignal: signal }),
      ...(cwd !== undefined && { cwd }),
      env: { ...childEnvironment(), PATH: searchPath(), ...env },
      extendEnv: false,
      ...(input === undefined ? { stdin: "ignore" as const } : { input }),
      ...(stdoutFile !== undefined && { stdout: { file: stdoutFile }, buffer: { stdout: false } }),
      ...(timeoutMs !== undefined && { timeout: timeoutMs }),
      forceKillAfterDelay: 2_000,
      stripFinalNewline: true,
    });
    return { stdout: result.stdout ?? "", stderr: result.stderr };
  } catch (error) {
    if (error instanceof ExecaError) throw explain(argv, error, signal);
    throw error;
  }
}

function explain(
  argv: readonly [string, ...string[]],
  error: ExecaError,
  signal: AbortSignal | undefined,
): ObError {
  const [file] = argv;
  if (signal?.aborted) return cancelledError(signal);
  // A working directory that does not exist gives the same code; then the message says so.
  if (error.code === "ENOENT" && existsSync(error.cwd)) return missingTool(file, error);
  const output = tailLines(
    [error.stdout, error.stderr].filter((part) => typeof part === "string").join("\n"),
    8,
  );
  const said = output === "" ? "" : `:\n${output}`;
  if (/No space left on device/i.test(output)) {
    return noSpaceError(`${file} found the disk full${said}`, { cause: error });
  }
  const how = error.timedOut
    ? "did not end in time"
    : error.signal
      ? `was ended by ${error.signal}`
      : `failed with exit status ${error.exitCode ?? "unknown"}`;
  return new ObError("TOOL_FAILED", `${argv.join(" ")} ${how}${said}`, { cause: error });
}

/** The error for a program that is not on PATH, with the Debian package that holds it if we know it. */
export function missingTool(file: string, cause?: unknown): ObError {
  const debian = debianPackageOf[file];
  return new ObError("MISSING_TOOL", `${file} is not installed, or not on PATH.`, {
    hint: debian === undefined ? undefined : `On Debian or Ubuntu: sudo apt-get install ${debian}`,
    cause,
  });
}

/** The last `count` lines of `text` that are not blank. */
export function tailLines(text: string, count: number): string {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return lines.slice(-count).join("\n");
}
