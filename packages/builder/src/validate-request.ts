import { type Emit, ObError, type Sandbox, type Store, withFacts } from "@ob/core";
import { type CopyOp, type Op, type RunOp, type SpecPart, unknownBuilds } from "@ob/spec";
import { resolveInGuest } from "./context.ts";
import { atPlace, placeOf } from "./place.ts";
import { loadIgnoreRules } from "./ignore/ignore-file.ts";
import type { IgnoreRules } from "./ignore/ignore-rules.ts";
import { type MountOfRun, type TargetClash, targetClashes } from "./mount-targets.ts";
import type { BuildRequest } from "./request.ts";
import { checkSource, type ManifestOptions } from "./source/manifest.ts";
import { findOwnDirectories, noDirectories, type OwnDirectories } from "./source/own-directories.ts";
import { allOps, type OpSetting } from "./spec-ops.ts";
import { cacheRequests } from "./steps/cache-leases.ts";
import { checkDestination } from "./steps/copy.ts";
import { checkCopyFrom } from "./steps/copy-from-build.ts";
import { noSuchBuild } from "./steps/guest-step.ts";
import { networkOf } from "./steps/run.ts";

/**
 * Finds what can never be built, as far as the request alone shows it, before anything is built.
 *
 * @throws ObError with the place in the spec: `BAD_SECRET` if a requested secret is missing, `BAD_SOURCE` for a path in a
 *   nested build with `..`, `BAD_SPEC` for an unknown network, sharing or build, for a destination that cannot be, and for caches
 *   and secrets beside a restart.
 */
export function validateRequest(request: BuildRequest): void {
  for (const { op, setting } of allOps(request.spec)) {
    if (op.op === "run") checkRun(op, request);
    else if (op.op === "copy") checkCopy(op, setting, request);
  }
  const [unknown] = unknownBuilds(request.spec);
  if (!unknown) return;
  const { op, name } = unknown;
  throw withFacts(noSuchBuild(name), { at: placeOf(request.source, op, { field: "from" }) });
}

/**
 * Finds caches and secrets of one step that cannot be mounted together. Plans do not ask: such a step may have been built by a
 * store's other user, the original, and its layer is used.
 *
 * @throws ObError `BAD_SPEC`.
 */
export function validateTargets({ spec, source }: BuildRequest, { distinctTargets = false }: Sandbox): void {
  const [clash] = distinctTargets ? targetClashes(spec) : [];
  if (!clash) return;
  const { kind, index } = clash.mount;
  const part = { field: kind === "cache" ? "cache" : "secrets", value: index };
  throw atPlace(clashError(clash), placeOf(source, clash.op, part));
}

/**
 * The directories that the copies of a request leave out: those of the store that it is built in.
 *
 * @throws ObError `BAD_SOURCE` if there is a `copy`, and its source directory lies in the store.
 */
export async function ownDirectoriesFor(request: BuildRequest, store: Store): Promise<OwnDirectories> {
  const { ownDirectories = [] } = store;
  if (ownDirectories.length === 0 || sourcesOf(request).length === 0) return noDirectories;
  return await findOwnDirectories(ownDirectories, request.sourceDirectory);
}

/**
 * The patterns of the ignore file of a request; undefined if nothing is ignored.
 *
 * @throws ObError `BAD_SOURCE` if there is a `copy`, and the ignore file cannot be read or a pattern is not valid.
 */
export async function ignoreRulesFor(request: BuildRequest): Promise<IgnoreRules | undefined> {
  if (sourcesOf(request).length === 0) return undefined;
  return await loadIgnoreRules(request.sourceDirectory, request.ignoreFile);
}

/** Looks for every source of a `copy`. @throws ObError `BAD_SOURCE` with its place in the spec. */
export async function validateSources(
  request: BuildRequest,
  leftOut: Pick<ManifestOptions, "own" | "ignore">,
): Promise<void> {
  const { sourceDirectory, source: text } = request;
  for (const { op, source, value } of sourcesOf(request)) {
    await checkSource(source, { sourceDirectory, ...leftOut }).catch((error: unknown) => {
      throw atPlace(error, placeOf(text, op, { field: "src", value }));
    });
  }
}

/** A secret that was given for nothing can be a mistyped one. */
export function warnOfUnusedSecrets({ spec, secrets }: BuildRequest, emit: Emit): void {
  const unused = new Set(secrets?.keys());
  for (const { op } of allOps(spec)) {
    if (op.op === "run") for (const { id } of op.secrets) unused.delete(id);
  }
  for (const id of unused) {
    const text = `No step of the spec uses the secret ${JSON.stringify(id)}.`;
    emit({ type: "log", level: "warning", text });
  }
}

interface Source {
  readonly op: CopyOp;
  readonly source: string;
  /** Its index in `(src ...)`. */
  readonly value: number;
}

/** The sources of all copies from the source directory, each with what its copy excludes. */
export function copiesOfContext(
  request: BuildRequest,
): readonly { readonly source: string; readonly exclude: readonly string[] }[] {
  return sourcesOf(request).map(({ op, source }) => ({ source, exclude: op.exclude }));
}

function sourcesOf({ spec }: BuildRequest): readonly Source[] {
  return [...allOps(spec)].flatMap(({ op }) =>
    op.op === "copy" && op.from.kind === "context"
      ? op.sources.map((source, value) => ({ op, source, value }))
      : [],
  );
}

function checkRun(op: RunOp, request: BuildRequest): void {
  const missing = op.secrets.findIndex(({ id }) => !request.secrets?.has(id));
  const secret = op.secrets[missing]?.id;
  if (secret !== undefined) {
    const at = placeOf(request.source, op, { field: "secrets", value: missing });
    const message = `The spec needs the secret ${JSON.stringify(secret)}, which was not given.`;
    throw new ObError("BAD_SECRET", message, { at, data: { secret } });
  }
  located(request, { item: op, part: { field: "network" } }, () => networkOf(op.network));
  located(request, { item: op, part: { field: "cache" } }, () => cacheRequests(op.caches, "ext4"));
  located(request, { item: op, part: { field: "restart" } }, () => checkRestart(op));
}

/** Of a spec that a program made: the parser refuses it. */
function checkRestart({ mayRestart, caches, secrets }: RunOp): void {
  if (mayRestart !== true || caches.length + secrets.length === 0) return;
  throw new ObError("BAD_SPEC", "A step whose guest may restart cannot have caches or secrets.", {
    hint: "Put what needs them into a step of its own.",
  });
}

function checkCopy(op: CopyOp, { workdir }: OpSetting, request: BuildRequest): void {
  located(request, { item: op, part: { field: "src" } }, () => checkCopyFrom(op));
  const destination = resolveInGuest(workdir, op.destination);
  located(request, { item: op, part: { field: "dst" } }, () => checkDestination(op, destination));
}

interface Place {
  readonly item: Op;
  readonly part: SpecPart;
}

/** Runs a check; its error gets the place in the spec. */
function located({ source }: BuildRequest, { item, part }: Place, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    throw atPlace(error, placeOf(source, item, part));
  }
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
