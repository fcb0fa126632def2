import type { GuestOs } from "@ob/core";
import type { GuestPaths } from "./guest-paths.ts";
import type { GuestFacts } from "./survey.ts";

/** The image under test, as the cases see it. */
export interface CaseSubject {
  /** The name of the image in the check's own store. */
  readonly image: string;
  readonly guestOs: GuestOs;
  readonly loginUser: string;
  readonly paths: GuestPaths;
  readonly facts: GuestFacts;
  /** A random word, so that no output is right by chance. */
  readonly nonce: string;
  /** Where the host listens for a guest with `(network host)`; a text says why it does not. */
  readonly listener: { readonly host: string; readonly port: number } | string;
}

/** What the steps of a case have printed. */
export interface CaseOutput {
  /** As the guest printed it, of at most `maxOutput` characters, its end. */
  readonly text: string;
  /** Its length in bytes. */
  readonly bytes: number;
  /** When the last of it came, in milliseconds since 1970, by the clock of the host. */
  readonly at: number;
  /** What the builder and the machine reported meanwhile. */
  readonly log: readonly string[];
  /** The outputs of the cases before it in the same chain, by their names. */
  readonly before: ReadonlyMap<string, string>;
}

/** One property of a guest's life cycle, and the steps that show it. */
export interface LifeCycleCase {
  /** What holds if it passes, as a sentence: `a secret is readable in its step, and gone afterwards`. */
  readonly name: string;
  /** Ops of a spec, after the setting of its group; by default none. */
  readonly ops?: readonly string[] | undefined;
  /**
   * Lines for `/bin/sh`, run after `ops`. The scripts of a group are run by one step, each in a shell of its own, because a
   * guest that is booted for each step would take too long otherwise.
   */
  readonly script?: readonly string[] | undefined;
  /** Nested builds, `(build NAME SPEC)`, for `(copy (from (build NAME)) …)`. */
  readonly builds?: readonly string[] | undefined;
  /** The exit status that the last step must have; by default 0. */
  readonly status?: number | undefined;
  /** What is wrong with the output; undefined if nothing is. */
  readonly fault?: ((output: CaseOutput) => string | undefined) | undefined;
  /** The tree of the build context that it copies, to a directory of the same name: it is compared afterwards. */
  readonly tree?: string | undefined;
  /** Why this guest or host has no such property; by default the case is run. */
  readonly skip?: string | undefined;
  /** False if builds work without it: a failure is reported and counts as a warning. By default true. */
  readonly required?: boolean | undefined;
}

/** Cases with the same user, environment and shell. */
export interface CaseGroup {
  /** Ops of a spec that set them. A spec cannot return to the login user once it has named another. */
  readonly setting: readonly string[];
  readonly cases: readonly LifeCycleCase[];
}

/** Groups that are steps of one build, in this order. */
export interface CaseChain {
  /** See `BuildOptions.reuseVm` of @ob/builder. */
  readonly reuseVm: boolean;
  readonly groups: readonly CaseGroup[];
}

export type CaseOutcome = "passed" | "failed" | "warning" | "skipped";

/** The result of a case. What comes from the guest, the image or the host is as it came: see `safeText`. */
export interface CaseResult {
  readonly name: string;
  readonly outcome: CaseOutcome;
  /** Why it was skipped or has failed, or what was measured. */
  readonly reason?: string | undefined;
  /** The last lines of its output or of the console. */
  readonly output?: string | undefined;
  readonly milliseconds?: number | undefined;
}

/** How much of a case's output is kept, in characters. */
export const maxOutput = 65_536;

/** A text as an atom of a spec. */
export function atom(text: string): string {
  return JSON.stringify(text);
}

/** `(run … (shell …))` of a script for a Bourne shell. */
export function runOp(lines: readonly string[], fields = ""): string {
  return `(run ${fields} (shell ${atom(lines.join("\n"))}))`;
}

/** The setting of most groups: the image's login user, and `/bin/sh`. */
export const plainSetting = ["(shell /bin/sh -c)", "(workdir /)"];

/** The same for another user. */
export function settingOf(user: string): readonly string[] {
  return [...plainSetting, `(user ${user})`];
}

/** A fault unless the output has each of these lines. */
export function expectLines(...expected: readonly string[]): (output: CaseOutput) => string | undefined {
  return ({ text }) => {
    const lines = text.split(/\r?\n/);
    const missing = expected.find((line) => !lines.includes(line));
    return missing === undefined ? undefined : `It did not print the line ${JSON.stringify(missing)}.`;
  };
}
