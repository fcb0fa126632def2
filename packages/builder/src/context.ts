import type { Environment, GuestImage, GuestUser } from "@ob/core";
import type { IgnoreRules } from "./ignore/ignore-rules.ts";
import type { DigestCache } from "./source/digest-cache.ts";
import type { OwnDirectories } from "./source/own-directories.ts";
import type { SpecSource, UserOp } from "@ob/spec";
import type { BuildRequest } from "./request.ts";
import type { NeededLayer } from "./steps/lost-layers.ts";

/** A build of a spec: its last layer. It can be copied from. */
export interface FinishedBuild extends NeededLayer {
  /** The base image under its last layer. */
  readonly image: GuestImage;
}

/** What the ops before a step have set. It is immutable: each op makes a new one. */
export interface Context {
  readonly sourceDirectory: string;
  /** See `BuildRequest.source`. */
  readonly source: SpecSource | undefined;
  /** The digests that earlier builds have computed of the source directory. */
  readonly digests: DigestCache;
  /** What every `copy` leaves out of the source directory. */
  readonly own: OwnDirectories;
  /** The patterns for what every `copy` leaves out of the source directory. */
  readonly ignore: IgnoreRules | undefined;
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /** Names of the enclosing nested builds, outermost first. */
  readonly build: readonly string[];
  /** The nested builds that can be copied from, once they are finished; inner names shadow outer ones. */
  readonly scope: ReadonlyMap<string, Promise<FinishedBuild>>;
  /** Absolute, composed as in the original: it is part of ids. */
  readonly workdir: string;
  /** Empty for the login shell of the guest's user. */
  readonly shell: readonly string[];
  /** Undefined: the image's login user runs commands and owns what is copied. */
  readonly user: GuestUser | undefined;
  /** Newest first, each key once. */
  readonly environment: Environment;
}

export function initialContext(
  request: BuildRequest,
  { digests, own, ignore }: Pick<Context, "digests" | "own" | "ignore">,
): Context {
  return {
    sourceDirectory: request.sourceDirectory,
    source: request.source,
    digests,
    own,
    ignore,
    secrets: request.secrets ?? new Map(),
    build: [],
    scope: new Map(),
    workdir: "/",
    shell: [],
    user: undefined,
    environment: [],
  };
}

/** The context of a nested build. */
export function nestedContext(context: Context, name: string): Context {
  return { ...context, build: [...context.build, name] };
}

export function withBuild(context: Context, name: string, build: Promise<FinishedBuild>): Context {
  return { ...context, scope: new Map([...context.scope, [name, build]]) };
}

export function withVariable(context: Context, key: string, value: string): Context {
  const others = context.environment.filter(([name]) => name !== key);
  return { ...context, environment: [[key, value], ...others] };
}

/** The user of a `(user ...)` whose args are expanded. */
export function guestUser({ user }: UserOp): GuestUser {
  if ("name" in user) return user;
  const { uid, gid } = user;
  if (typeof uid === "number" && typeof gid === "number") return { uid, gid };
  throw new TypeError("The args of the spec were not expanded.");
}

/**
 * A path below the workdir, unless it starts with `/`. Nothing is normalised, here or in the workdir: both are part of
 * ids. As in the original, a drive letter does not make a `copy`'s destination absolute.
 */
export function resolveInGuest(workdir: string, path: string): string {
  if (path.startsWith("/")) return path;
  return workdir.endsWith("/") ? workdir + path : `${workdir}/${path}`;
}

/** The new workdir, or where a cache or a secret is mounted: `C:\x` and `C:/x` are absolute here. */
export function resolveGuestPath(workdir: string, path: string): string {
  return /^[a-z]:[\\/]/i.test(path) ? path : resolveInGuest(workdir, path);
}
