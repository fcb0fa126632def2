/** `(build NAME SPEC)`: a spec that is built first, for `copy` to take files from. */
export interface NestedBuild {
  readonly name: string;
  readonly spec: Spec;
}

/** A whole spec: `(build NAME SPEC)`* `(from BASE)` OP*. */
export interface Spec {
  readonly builds: readonly NestedBuild[];
  /** The base image's name. */
  readonly from: string;
  readonly ops: readonly Op[];
}

/** An option of BuildKit's `--mount`; only a Dockerfile uses it. */
export type BuildkitOption = readonly [key: string, value: string];

/** A persistent cache that is mounted for one `run`. */
export interface RunCache {
  readonly name: string;
  /** The path in the guest, absolute or under the workdir. */
  readonly target: string;
  readonly buildkitOptions: readonly BuildkitOption[];
}

/** A secret that one `run` sees as a file. */
export interface RunSecret {
  readonly id: string;
  /** The path in the guest. */
  readonly target: string;
  readonly buildkitOptions: readonly BuildkitOption[];
}

/** `(comment S)`: text that only a Dockerfile shows. */
export interface CommentOp {
  readonly op: "comment";
  readonly text: string;
}

/** `(workdir DIR)`: the directory of the ops that follow. */
export interface WorkdirOp {
  readonly op: "workdir";
  readonly directory: string;
}

/** `(shell ARG...)`: the argv prefix that runs a command; none is the login shell. */
export interface ShellOp {
  readonly op: "shell";
  readonly arguments: readonly string[];
}

/** `(run (cache ...)? (network ...)? (secrets ...)? (shell CMD))`. */
export interface RunOp {
  readonly op: "run";
  readonly caches: readonly RunCache[];
  readonly network: readonly string[];
  readonly secrets: readonly RunSecret[];
  readonly command: string;
}

/** Where `copy` takes files from: the source directory, or a nested build's disk. */
export type CopySource = { readonly kind: "context" } | { readonly kind: "build"; readonly name: string };

/** `(copy (from (build NAME))? (src SRC...) (dst DST) (exclude NAME...)?)`. */
export interface CopyOp {
  readonly op: "copy";
  readonly from: CopySource;
  readonly sources: readonly string[];
  readonly destination: string;
  /** Base names that are left out at any depth. */
  readonly exclude: readonly string[];
}

/** A user by number, or by name (on Windows). */
export type User = { readonly uid: number; readonly gid: number } | { readonly name: string };

/** `(user (uid N) (gid N))` or `(user (name S))`. */
export interface UserOp {
  readonly op: "user";
  readonly user: User;
}

/** `(env KEY VALUE)`. */
export interface EnvOp {
  readonly op: "env";
  readonly key: string;
  readonly value: string;
}

/** One line of a spec after `from`. */
export type Op = CommentOp | WorkdirOp | ShellOp | RunOp | CopyOp | UserOp | EnvOp;
