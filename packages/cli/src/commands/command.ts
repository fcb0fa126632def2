import type { Arguments } from "../args/options.ts";
import type { Completes, OptionTable } from "../args/flags.ts";
import type { Session } from "./session.ts";

/** An argument of a command. */
export interface Positional {
  readonly name: string;
  readonly describe: string;
  /** What it can be, for completion; by default nothing is offered. */
  readonly complete?: Completes;
}

/** What a command does by the word after its name: `image build`. */
export interface Action {
  /** The sentence of its own help, and its line in completions. */
  readonly summary: string;
  readonly positionals: readonly Positional[];
  /** Which of the command's options it takes. Those of the store, of messages and hidden ones go with every action. */
  readonly options: readonly string[];
  /** Other names, which lists do not show. */
  readonly aliases?: readonly string[];
}

/** A command of `obuilder`. Its file is loaded when the command is used. */
export interface Command {
  /** A sentence or two for the help. */
  readonly description: string;
  /** Its arguments. */
  readonly positionals: readonly Positional[];
  /** What takes all further arguments, if anything does. */
  readonly rest?: Positional;
  /** What the first argument, ACTION, can be, by name. */
  readonly actions?: Readonly<Record<string, Action>>;
  readonly options: OptionTable;
  readonly examples: readonly (readonly [commandLine: string, what: string])[];

  /**
   * Rejects with an `ObError` or a `SpecError`; anything else is a bug.
   *
   * @returns the exit code, where it is not 0.
   */
  run(args: Arguments, session: Session): Promise<number | void>;
}
