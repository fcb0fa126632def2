import type { Arguments } from "../args/options.ts";
import type { OptionTable } from "../args/flags.ts";
import type { Session } from "./session.ts";

/** A command of `obuilder`. Its file is loaded when the command is used. */
export interface Command {
  /** A sentence or two for the help. */
  readonly description: string;
  /** Its arguments. */
  readonly positionals: readonly { readonly name: string; readonly describe: string }[];
  /** What takes all further arguments, if anything does. */
  readonly rest?: {
    readonly name: string;
    readonly describe: string;
    /** True for arguments that the help shows behind `--`, since they may begin with `-`. By default false. */
    readonly afterDashes?: boolean;
  };
  readonly options: OptionTable;
  readonly examples: readonly (readonly [commandLine: string, what: string])[];

  /**
   * Rejects with an `ObError` or a `SpecError`; anything else is a bug.
   *
   * @returns the exit code, where it is not 0.
   */
  run(args: Arguments, session: Session): Promise<number | void>;
}
