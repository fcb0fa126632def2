import { exitCodes as codes } from "./exit-codes.ts";
import { main as runMain } from "./main.ts";
import type { ProcessIo } from "./process-io.ts";
import { start as runStart } from "./start.ts";

// The types are written out, so that the published package, which is a bundle, needs none of the packages in it.

export type { Input, Output, ProcessIo } from "./process-io.ts";

/** The exit codes of `obuilder`; docs/cli.md says what each means. */
export const exitCodes: Readonly<Record<"ok" | "stepFailed" | "usage" | "badSpec" | "failure", number>> =
  codes;

/**
 * Runs one command line, without the words `node obuilder` before it.
 *
 * @returns the exit code. Every error has been printed on `io.stderr`.
 */
export const main: (argv: readonly string[], io: ProcessIo) => Promise<number> = (argv, io) =>
  runMain(argv, io);

/** Runs the command line of this process, and ends the process with its exit code. */
export const start: () => Promise<void> = () => runStart();
