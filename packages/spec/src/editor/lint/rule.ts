import type { CopyOp, Op, RunOp, Spec } from "../../ast.ts";
import type { Range } from "../../problem.ts";
import type { ListNode } from "../../sexp-tree.ts";
import type { ShellCommand } from "./shell-commands.ts";

/** `error`: a build refuses it. `warning`: it is probably not meant. `info`: it could be better. */
export type Severity = "error" | "warning" | "info";

/** What a rule has found. */
export interface Finding {
  readonly at: Range;
  /** One sentence without a full stop at its end. */
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string | undefined;
  /** What writes it, where that is certain to be meant. */
  readonly fix?: Fix | undefined;
}

/** A change of the text with which the finding is gone, and the spec still one. It never gives a step more than it asks for. */
export interface Fix {
  /** What it does, as a command: `Write the whole path`. */
  readonly title: string;
  readonly edits: readonly Edit[];
}

/** A part of the text, and what stands there instead. */
export interface Edit {
  readonly at: Range;
  readonly text: string;
}

/** A check of valid specs. It must not report what may be meant. */
export interface Rule {
  /** The name in comments and in docs/lint.md. */
  readonly name: string;
  readonly severity: Severity;
  /** What it finds, in a few words. */
  readonly summary: string;
  check(linted: LintedSpec): Iterable<Finding>;
}

/** An op and where it is. */
export interface PlacedOp<T extends Op = Op> {
  readonly op: T;
  readonly node: ListNode;
}

/** A `run`, with what is set where it is. */
export interface PlacedRun extends PlacedOp<RunOp> {
  /** The argv of its shell; empty for the login shell. */
  readonly shell: readonly string[];
  /** The programs that its command runs; empty if its shell is not one of POSIX. */
  readonly commands: readonly ShellCommand[];
}

/** One spec or nested spec. */
export interface Stage {
  readonly spec: Spec;
  readonly node: ListNode;
  readonly ops: readonly PlacedOp[];
  readonly runs: readonly PlacedRun[];
  readonly copies: readonly PlacedOp<CopyOp>[];
}

/** A valid spec. */
export interface LintedSpec {
  readonly text: string;
  /** All stages, the outermost last. */
  readonly stages: readonly Stage[];
  /** The names that `(arg NAME ...)` declares: `${NAME}` is expanded. */
  readonly parameters: ReadonlySet<string>;
}
