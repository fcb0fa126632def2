import { firstError } from "@ob/core";
import type { Services } from "./services.ts";
import { allOptions } from "./args/all-options.ts";
import { type Invocation, readCommandLine } from "./args/parse.ts";
import { commands } from "./commands/registry.ts";
import { createSession, type Session } from "./commands/session.ts";
import { colorsFor } from "./output/colors.ts";
import { exitCodes } from "./exit-codes.ts";
import { type Ending, endingOf } from "./output/ending.ts";
import type { ProcessIo } from "./process-io.ts";
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
