import type { Emit } from "@ob/core";
import type { OptionTable } from "../args/flags.ts";
import { type Arguments, stringOption, type Verbosity } from "../args/options.ts";
import { readSandboxFlags, type SandboxFlags } from "../args/sandbox-flags.ts";
import { parseStoreLocation, type StoreLocation } from "../args/store-location.ts";
import { type ColorMode, colorsFor } from "../output/colors.ts";
import { logLine } from "../output/log-line.ts";
import type { ProcessIo } from "../process-io.ts";
import type { Services } from "../services.ts";

/** What a command works with. */
export interface Session {
  readonly io: ProcessIo;
  readonly verbosity: Verbosity;
  readonly color: ColorMode;
  /** The concrete packages, wired. */
  readonly services: Services;
  /** The options of every command, by its name. */
  readonly allOptions: () => Promise<Readonly<Record<string, OptionTable>>>;
  /** Writes what the libraries log to standard error, as far as `verbosity` asks for it. */
  readonly emit: Emit;
  /** To be called when the last line of `--progress=json` is printed: for a build that fails before, `main` prints it. */
  readonly onResult: () => void;
  /** The store of `--store` or OBUILDER_STORE. Reading it throws ObError `USAGE` where that names none. */
  readonly location: StoreLocation;
  /** The options of virtual machines. Reading it throws ObError `USAGE` for a bad value. */
  readonly flags: SandboxFlags;
}

export interface SessionOptions extends Pick<
  Session,
  "io" | "verbosity" | "color" | "services" | "allOptions" | "onResult"
> {
  readonly args: Arguments;
}

/** A session whose store and flags are read when a command asks for them: some have neither. */
export function createSession({ args, ...session }: SessionOptions): Session {
  const { io, verbosity, color } = session;
  const colors = colorsFor(io.stderr, { mode: color, env: io.env });
  return {
    ...session,
    emit: (event) => {
      const line = logLine(event, verbosity, colors);
      if (line !== undefined) io.stderr.write(line);
    },
    get location() {
      return parseStoreLocation(stringOption(args, "store") ?? io.env["OBUILDER_STORE"]);
    },
    get flags() {
      return readSandboxFlags(args);
    },
  };
}
