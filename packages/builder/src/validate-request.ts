import { ObError, type Sandbox, type Store } from "@ob/core";
import type { Op, RunOp, Spec } from "@ob/spec";
import { loadIgnoreRules } from "./ignore/ignore-file.ts";
import type { IgnoreRules } from "./ignore/ignore-rules.ts";
import { type MountOfRun, type TargetClash, targetClashes } from "./mount-targets.ts";
import type { BuildRequest } from "./request.ts";
import { findOwnDirectories, noDirectories, type OwnDirectories } from "./source/own-directories.ts";
import { checkCopyFrom } from "./steps/copy-from-build.ts";

/**
 * Finds what can never be built, before anything is built.
 *
 * @throws ObError `BAD_SECRET` if a requested secret is missing, `BAD_SOURCE` for a path
 *   in a nested build with `..`.
 */
export function validateRequest(request: BuildRequest): void {
  for (const op of allOps(request.spec)) {
    if (op.op === "run") checkSecrets(op, request);
    else if (op.op === "copy") checkCopyFrom(op);
  }
}

/**
 * Finds caches and secrets of one step that cannot be mounted together. Plans do not ask: such a step may have been built by a
 * store's other user, the original, and its layer is used.
 *
 * @throws ObError `BAD_SPEC`.
 */
export function validateTargets(spec: Spec, { distinctTargets = false }: Sandbox): void {
  const [clash] = distinctTargets ? targetClashes(spec) : [];
  if (clash) throw clashError(clash);
}

/**
 * The directories that the copies of a request leave out: those of the store that it is built in.
 *
 * @throws ObError `BAD_SOURCE` if there is a `copy`, and its source directory lies in the store.
 */
export async function ownDirectoriesFor(request: BuildRequest, store: Store): Promise<OwnDirectories> {
  const { ownDirectories = [] } = store;
  if (ownDirectories.length === 0 || !copiesFromSource(request)) return noDirectories;
  return await findOwnDirectories(ownDirectories, request.sourceDirectory);
}

/**
 * The patterns of the ignore file of a request; undefined if nothing is ignored.
 *
 * @throws ObError `BAD_SOURCE` if there is a `copy`, and the ignore file cannot be read or a pattern is not valid.
 */
export async function ignoreRulesFor(request: BuildRequest): Promise<IgnoreRules | undefined> {
  if (!copiesFromSource(request)) return undefined;
  return await loadIgnoreRules(request.sourceDirectory, request.ignoreFile);
}

function copiesFromSource({ spec }: BuildRequest): boolean {
  for (const op of allOps(spec)) {
    if (op.op === "copy" && op.from.kind === "context") return true;
  }
  return false;
}

/** Every op of the spec and its nested builds, in build order. Nesting may have any depth. */
function* allOps(spec: Spec): Iterable<Op> {
  const pending: { readonly spec: Spec; next: number }[] = [{ spec, next: 0 }];
  for (let top = pending.at(-1); top; top = pending.at(-1)) {
    const nested = top.spec.builds[top.next++];
    if (nested) {
      pending.push({ spec: nested.spec, next: 0 });
    } else {
      yield* top.spec.ops;
      pending.pop();
    }
  }
}

function checkSecrets(op: RunOp, { secrets }: BuildRequest): void {
  const missing = op.secrets.find(({ id }) => !secrets?.has(id));
  if (!missing) return;
  throw new ObError(
    "BAD_SECRET",
    `The spec needs the secret ${JSON.stringify(missing.id)}, which was not given.`,
    { data: { secret: missing.id } },
  );
}

function clashError({ mount, earlier, kind }: TargetClash): ObError {
  const describe = ({ kind: sort, name }: MountOfRun): string => `the ${sort} ${JSON.stringify(name)}`;
  const target = JSON.stringify(mount.target);
  const why =
    kind === "same"
      ? `${describe(mount)} has the target of ${describe(earlier)}: ${target}`
      : `${describe(mount)} has a target below ${describe(earlier)}, which is a file: ${target}`;
  return new ObError("BAD_SPEC", `In one step ${why}.`, { hint: "Give each a target of its own." });
}
