import { setTimeout as sleep } from "node:timers/promises";
import { firstError } from "@ob/core";
import type { Services } from "./services.ts";
import { allOptions } from "./args/all-options.ts";
import { type Invocation, readCommandLine } from "./args/parse.ts";
import { commands } from "./commands/registry.ts";
import { createSession, type Session } from "./commands/session.ts";
import { colorsFor } from "./output/colors.ts";
import { exitCodes, interruptCode } from "./exit-codes.ts";
import { type Ending, endingOf } from "./output/ending.ts";
import type { ProcessIo } from "./process-io.ts";
import { listenForInterrupts } from "./signals.ts";
import { commonOptions, readColorMode, readVerbosity } from "./args/options.ts";
import { unknownVariableWarnings } from "./settings/unknown-variables.ts";
import { renderError } from "./output/render-error.ts";
import { asksForJson, earlyResult } from "./progress/early-result.ts";

export interface MainOptions {
  /** The packages, wired; by default the real ones. */
  readonly services?: Services;
}

/**
 * Runs one command line, given without `node obuilder`.
 *
 * @returns the exit code. Every error has been printed on `io.stderr`.
 */
export async function main(
  argv: readonly string[],
  io: ProcessIo,
  options: MainOptions = {},
): Promise<number> {
  let invocation: Invocation | undefined;
  let isResultPrinted = false;
  const onResult = () => {
    isResultPrinted = true;
  };
  try {
    invocation = await readCommandLine(argv, { columns: io.stdout.columns ?? 80, env: io.env });
    if (invocation.kind === "run") {
      return (await runCommand(invocation, io, { ...options, onResult })) ?? exitCodes.ok;
    }
    if (invocation.kind === "complete") {
      const { printCandidates } = await import("./completion/print-candidates.ts");
      await printCandidates(invocation.words, { io, services: await servicesOf(options) });
      return exitCodes.ok;
    }
    const asked = invocation.kind === "text";
    (asked ? io.stdout : io.stderr).write(invocation.text);
    return asked ? exitCodes.ok : exitCodes.usage;
  } catch (thrown) {
    const ending = endingOf(firstError(thrown), io.interruptedBy());
    if (!isResultPrinted && (await asksForJson(argv))) io.stdout.write(earlyResult(ending));
    report(ending, io, { invocation, argv });
    return ending.exitCode;
  }
}

async function runCommand(
  { command, args }: Extract<Invocation, { readonly kind: "run" }>,
  io: ProcessIo,
  { onResult, ...options }: MainOptions & Pick<Session, "onResult">,
): Promise<number | void> {
  const verbosity = readVerbosity(args);
  const color = readColorMode(args);
  const services = await servicesOf(options);
  const session = createSession({ args, io, verbosity, color, services, allOptions, onResult });
  const known = { options: { ...commonOptions, ...command.options }, allOptions };
  for (const text of await unknownVariableWarnings(io.env, known)) {
    session.emit({ type: "log", level: "warning", text });
  }
  return await command.run(args, session);
}

async function servicesOf(options: MainOptions): Promise<Services> {
  return options.services ?? (await import("./services.ts")).services;
}

/** A command line, and what it asks for as far as it could be read. */
interface Given {
  readonly argv: readonly string[];
  readonly invocation: Invocation | undefined;
}

/** The command whose help tells more. */
function commandIn(argv: readonly string[]): string | undefined {
  const name = argv.find((word) => !word.startsWith("-"));
  return name !== undefined && Object.hasOwn(commands, name) ? name : undefined;
}

/** Prints the error. */
function report({ error }: Ending, io: ProcessIo, given: Given): void {
  // A closed pipe is not worth a message.
  if (io.interruptedBy() === "SIGPIPE") return;
  const { verbose, mode, name } = settings(given);
  const colors = colorsFor(io.stderr, { mode, env: io.env });
  io.stderr.write(renderError(error, { colors, verbose, command: name }));
}

/** How to print an error; the defaults, if the command line is what is wrong. */
function settings({ invocation, argv }: Given) {
  if (invocation?.kind !== "run") {
    return { verbose: false, mode: "auto" as const, name: commandIn(argv) };
  }
  const { args, name } = invocation;
  try {
    const verbosity = readVerbosity(args);
    return { verbose: verbosity === "info" || verbosity === "debug", mode: readColorMode(args), name };
  } catch {
    return { verbose: false, mode: "auto" as const, name };
  }
}

/** Runs the command line of this process, and ends the process with its exit code. */
export async function start(options: MainOptions = {}): Promise<void> {
  const { argv, env, stdout, stderr } = process;
  const umask = process.umask(0o077);
  using interrupts = listenForInterrupts(process, (interrupt) => process.exit(interruptCode(interrupt)));
  let outlivesReader = false;
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    // What is written later is lost, too.
    if (error.code === "EPIPE" && outlivesReader) return;
    if (error.code === "EPIPE") interrupts.interrupt("SIGPIPE");
    // Later writes fail too.
    if (interrupts.cause() === "SIGPIPE") return;
    stderr.write(`obuilder: Standard output cannot be written: ${error.message}\n`);
    process.exit(exitCodes.failure);
  });
  // An error that cannot be printed cannot be reported.
  stderr.on("error", () => {});
  const io: ProcessIo = {
    // Few commands read it, and the streams of files are loaded for it.
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr,
    env,
    signal: interrupts.signal,
    restoreUmask: () => void process.umask(umask),
    outliveReader: () => {
      outlivesReader = true;
    },
    interruptedBy: interrupts.cause,
  };
  const code = await main(argv.slice(2), io, options);
  // What a library left open must not keep a finished command alive, but the output must be flushed first. Whoever cancels a
  // command does not wait for a reader that has stopped reading.
  const flushing = Promise.all([flushed(stdout), flushed(stderr)]);
  await (interrupts.cause() === undefined ? flushing : Promise.race([flushing, sleep(flushTime)]));
  process.exit(interrupts.cause() === "SIGPIPE" ? interruptCode("SIGPIPE") : code);
}

/** How long a cancelled command waits for the reader of its output, in milliseconds. */
const flushTime = 300;

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => resolve());
  });
}
