import type { Fields } from "./fields.ts";
import { showAtom } from "./near-name.ts";
import { oneAtom } from "./operands.ts";
import type { Report } from "./problem.ts";

/**
 * Reads `(restart allowed)` among the fields of a `run`. Reports mounts beside it, which do not survive a restart.
 *
 * @returns whether the field is there.
 */
export function decodeRestart(fields: Fields, report: Report): boolean {
  const restart = fields.get("restart");
  if (restart === undefined) return false;
  const { node, values } = restart;
  const value = oneAtom({
    node,
    values,
    title: "(restart ...) of (run ...)",
    example: "(restart allowed)",
    report,
  });
  if (value !== undefined && value !== "allowed") {
    report({
      at: values[0]?.at ?? node.at,
      message: `expected (restart allowed), found ${showAtom(value)}`,
      hint: "without it the step fails if its guest restarts",
    });
  }
  for (const name of ["cache", "secrets"]) {
    const mounted = fields.get(name);
    if (mounted === undefined || mounted.values.length === 0) continue;
    report({
      at: mounted.node.at,
      message: `(${name} ...) beside (restart allowed): it does not survive a restart of the guest`,
      hint: "put what needs it into a (run ...) of its own",
      notes: [{ at: node.at, message: "the restart is allowed here" }],
    });
  }
  return true;
}
