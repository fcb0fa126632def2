import type { RunOp, Spec } from "@ob/spec";
import { resolveGuestPath } from "./context.ts";

/** A cache or a secret of a `run` whose target cannot be used beside that of an earlier one. */
export interface TargetClash {
  readonly op: RunOp;
  readonly mount: MountOfRun;
  readonly earlier: MountOfRun;
  /** `same`: both have one target. `in a secret`: one is below the target of a secret, which is a file. */
  readonly kind: "same" | "in a secret";
}

export interface MountOfRun {
  readonly kind: "cache" | "secret";
  /** Its position among the caches, or the secrets, of the `run`. */
  readonly index: number;
  readonly name: string;
  readonly target: string;
}

/**
 * Finds the targets in one `run` that are the same path, however they are written, and those that are below a secret.
 * A cache below another cache is no clash.
 */
export function targetClashes(spec: Spec): readonly TargetClash[] {
  const found: TargetClash[] = [];
  const pending: Spec[] = [spec];
  for (let next = pending.pop(); next; next = pending.pop()) {
    pending.push(...next.builds.map((build) => build.spec).toReversed());
    let workdir = "/";
    for (const op of next.ops) {
      if (op.op === "workdir") workdir = resolveGuestPath(workdir, op.directory);
      else if (op.op === "run") found.push(...clashesIn(op, workdir));
    }
  }
  return found;
}

function clashesIn(op: RunOp, workdir: string): readonly TargetClash[] {
  const mounts: readonly MountOfRun[] = [
    ...op.caches.map(({ name, target }, index) => ({ kind: "cache" as const, index, name, target })),
    ...op.secrets.map(({ id, target }, index) => ({ kind: "secret" as const, index, name: id, target })),
  ];
  const seen = new Map<string, MountOfRun>();
  const places = mounts.map((mount) => partsOf(resolveGuestPath(workdir, mount.target)));
  const same = mounts.flatMap((mount, index): readonly TargetClash[] => {
    const place = (places[index] ?? []).join("/");
    const earlier = seen.get(place);
    if (earlier === undefined) seen.set(place, mount);
    return earlier === undefined ? [] : [{ op, mount, earlier, kind: "same" }];
  });
  const inSecret = mounts.flatMap((mount, index): readonly TargetClash[] => {
    const parts = places[index] ?? [];
    for (let length = parts.length - 1; length > 0; length--) {
      const above = seen.get(parts.slice(0, length).join("/"));
      if (above?.kind === "secret") return [{ op, mount, earlier: above, kind: "in a secret" }];
    }
    return [];
  });
  return [...same, ...inSecret];
}

/** The names on the way to a path. Only paths with a drive have backslashes as separators, and ignore case. */
function partsOf(path: string): readonly string[] {
  const [, letter, cygwin, rest = ""] =
    /^(?:([a-z]):(?=[\\/])|\/+cygdrive\/+([a-z])(?=\/|$))(.*)$/is.exec(path) ?? [];
  const drive = letter ?? cygwin;
  if (drive === undefined) return resolved(path.split("/"));
  return [`${drive}:`, ...resolved(rest.split(/[\\/]/))].map((part) => part.toLowerCase());
}

function resolved(names: readonly string[]): readonly string[] {
  const parts: string[] = [];
  for (const name of names) {
    if (name === "..") parts.pop();
    else if (name !== "" && name !== ".") parts.push(name);
  }
  return parts;
}
