/** `(build NAME SPEC)`: a spec that is built first, so that `copy` can take files from it. */
export interface NestedBuild {
  readonly name: string;
  readonly spec: Spec;
}

/** A whole spec: `(arg ...)`* `(build NAME SPEC)`* `(from BASE)` OP*. */
export interface Spec {
  /** The args before the nested builds: `from` and the nested builds can use them. By default none. */
  readonly args?: readonly ArgOp[];
  readonly builds: readonly NestedBuild[];
  /** The name of the base image. */
  readonly from: string;
  readonly ops: readonly Op[];
}

/** An option of BuildKit's `--mount`. It is only used in a Dockerfile. */
export type BuildkitOption = readonly [key: string, value: string];

/** A persistent cache that is mounted for one `run`. */
export interface RunCache {
  readonly name: string;
  /** A path in the guest, absolute or relative to the workdir. */
  readonly target: string;
  readonly buildkitOptions: readonly BuildkitOption[];
}

/** A secret that one `run` can read as a file. */
export interface RunSecret {
  readonly id: string;
  /** A path in the guest. */
  readonly target: string;
  readonly buildkitOptions: readonly BuildkitOption[];
}

/** `(comment S)`: text that is only printed in a Dockerfile. */
export interface CommentOp {
  readonly op: "comment";
  readonly text: string;
}

/** `(workdir DIR)`: the working directory of the following ops. */
export interface WorkdirOp {
  readonly op: "workdir";
  readonly directory: string;
}

/** `(shell ARG...)`: the argv prefix that runs a command. Empty means the login shell. */
export interface ShellOp {
  readonly op: "shell";
  readonly arguments: readonly string[];
}

/** `(run (cache ...)? (network ...)? (secrets ...)? (restart allowed)? (shell CMD))`. */
export interface RunOp {
  readonly op: "run";
  readonly caches: readonly RunCache[];
  readonly network: readonly string[];
  readonly secrets: readonly RunSecret[];
  /** True if the guest may restart during the command. Then there are neither caches nor secrets. By default false. */
  readonly mayRestart?: boolean;
  readonly command: string;
}

/** The source of a `copy`: the source directory, or the disk of a nested build. */
export type CopySource = { readonly kind: "context" } | { readonly kind: "build"; readonly name: string };

/** `(copy (from (build NAME))? (src SRC...) (dst DST) (exclude NAME...)?)`. */
export interface CopyOp {
  readonly op: "copy";
  readonly from: CopySource;
  readonly sources: readonly string[];
  readonly destination: string;
  /** Base names that are excluded at any depth. */
  readonly exclude: readonly string[];
}

/** A user by uid and gid, or by name (on Windows). */
export type User = { readonly uid: number; readonly gid: number } | { readonly name: string };

/** A user whose uid and gid are texts such as `${UID}`. Only in a spec with args; `expandArgs` makes them numbers. */
export interface UserTemplate {
  readonly uid: string;
  readonly gid: string;
}

/** `(user (uid N) (gid N))` or `(user (name S))`. */
export interface UserOp {
  readonly op: "user";
  readonly user: User | UserTemplate;
}

/** `(arg NAME DEFAULT?)`: a value that the caller of a build may give. `expandArgs` puts it where `${NAME}` is. */
export interface ArgOp {
  readonly op: "arg";
  /** Letters, digits and `_`; no digit comes first. */
  readonly name: string;
  /** Its value if none is given. It can contain `${NAME}` of earlier args. */
  readonly default?: string;
}

/** `(env KEY VALUE)`. */
export interface EnvOp {
  readonly op: "env";
  readonly key: string;
  readonly value: string;
}

/** One item of a spec after `from`. */
export type Op = CommentOp | WorkdirOp | ShellOp | RunOp | CopyOp | UserOp | EnvOp | ArgOp;
