import { showAtom } from "../../../near-name.ts";
import type { Node } from "../../../sexp-tree.ts";
import { targetOf } from "../places.ts";
import type { Finding, LintedSpec, PlacedRun, Rule } from "../rule.ts";

/** Directories of the system that a mount would hide. */
const systemDirectories = new Set([
  "/",
  ...["/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run", "/sbin"],
  ...["/sys", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/sbin", "/var", "/var/lib", "/var/lib/dpkg"],
]);

export const cacheTarget: Rule = {
  name: "cache-target",
  severity: "warning",
  summary: "a cache that hides a directory of the system",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    for (const run of stages.flatMap((stage) => stage.runs)) {
      for (const [index, { target }] of run.op.caches.entries()) {
        const path = normalized(target);
        if (!systemDirectories.has(path)) continue;
        yield {
          at: targetOf(run, "cache", index).at,
          message: `a cache at ${showAtom(target)} hides what the system has there, and what the command writes there is in no layer`,
          hint: "mount it at the directory that a program keeps its downloads in",
        };
      }
    }
  },
};

export const duplicateTarget: Rule = {
  name: "duplicate-target",
  severity: "error",
  summary: "two caches or secrets of one `run` with the same target",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    for (const run of stages.flatMap((stage) => stage.runs)) {
      const seen = new Set<string>();
      for (const { target, node } of targetsOf(run)) {
        const path = normalized(target);
        if (seen.has(path)) {
          yield {
            at: node.at,
            message: `another cache or secret of this step has the target ${showAtom(target)}`,
            hint: "give each a target of its own",
          };
        }
        seen.add(path);
      }
    }
  },
};

function targetsOf(run: PlacedRun): readonly { readonly target: string; readonly node: Node }[] {
  const { caches, secrets } = run.op;
  return [
    ...caches.map(({ target }, index) => ({ target, node: targetOf(run, "cache", index) })),
    ...secrets.map(({ target }, index) => ({ target, node: targetOf(run, "secrets", index) })),
  ];
}

function normalized(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return (path.startsWith("/") ? "/" : "") + parts.join("/");
}
