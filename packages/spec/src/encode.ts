import type { BuildkitOption, CopyOp, NestedBuild, Op, RunOp, Spec, User, UserTemplate } from "./ast.ts";
import { checkOp, checkSpec } from "./check-arguments.ts";
import type { Sexp } from "./sexp.ts";

/**
 * Encodes a spec as an S-expression. Empty fields are omitted, and so is the source of a `copy` from the source
 * directory.
 */
export function encodeSpec(spec: Spec): readonly Sexp[] {
  checkSpec("encodeSpec", spec);
  return [
    ...(spec.args ?? []).map(encodeOp),
    ...spec.builds.map(encodeBuild),
    ["from", spec.from],
    ...spec.ops.map(encodeOp),
  ];
}

/** Encodes one op, for example as `["run", ["shell", "make"]]`. */
export function encodeOp(op: Op): readonly Sexp[] {
  checkOp("encodeOp", op);
  switch (op.op) {
    case "comment":
      return ["comment", op.text];
    case "workdir":
      return ["workdir", op.directory];
    case "shell":
      return ["shell", ...op.arguments];
    case "run":
      return ["run", ...encodeRun(op)];
    case "copy":
      return ["copy", ...encodeCopy(op)];
    case "user":
      return ["user", ...encodeUser(op.user)];
    case "env":
      return ["env", op.key, op.value];
    case "arg":
      return ["arg", op.name, ...(op.default === undefined ? [] : [op.default])];
  }
}

/** Encodes the fields of a user, for example as `[["uid", "0"], ["gid", "0"]]`. */
export function encodeUser(user: User | UserTemplate): readonly Sexp[] {
  if ("name" in user) return [["name", user.name]];
  return [
    ["uid", String(user.uid)],
    ["gid", String(user.gid)],
  ];
}

function encodeBuild(build: NestedBuild): Sexp {
  return ["build", build.name, encodeSpec(build.spec)];
}

function encodeRun(op: RunOp): readonly Sexp[] {
  const caches = op.caches.map((cache) => encodeMount(cache.name, cache));
  const secrets = op.secrets.map((secret) => encodeMount(secret.id, secret));
  return [
    ...listField("cache", caches),
    ...listField("network", op.network),
    ...listField("secrets", secrets),
    ...listField("restart", op.mayRestart === true ? ["allowed"] : []),
    ["shell", op.command],
  ];
}

function encodeMount(
  name: string,
  mount: { readonly target: string; readonly buildkitOptions: readonly BuildkitOption[] },
): Sexp {
  const options: readonly Sexp[] =
    mount.buildkitOptions.length === 0 ? [] : [["buildkit_options", mount.buildkitOptions]];
  return [name, ["target", mount.target], ...options];
}

function encodeCopy(op: CopyOp): readonly Sexp[] {
  const from: readonly Sexp[] = op.from.kind === "build" ? [["from", ["build", op.from.name]]] : [];
  return [...from, ["src", ...op.sources], ["dst", op.destination], ...listField("exclude", op.exclude)];
}

function listField(name: string, values: readonly Sexp[]): readonly Sexp[] {
  return values.length === 0 ? [] : [[name, ...values]];
}
