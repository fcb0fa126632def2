import { atomToMachine, formatOp, type Op } from "@ob/spec";

/** `(from NAME)`. */
export function fromHeading(name: string): string {
  return `(from ${atomToMachine(name)})`;
}

/** The line before a nested build. */
export function buildHeading(name: string): string {
  return `(build ${quoted(name)} …)`;
}

/** The line after a nested build. */
export function buildFinished(name: string): string {
  return `--> finished ${quoted(name)}`;
}

/** An op in the original's transcript, for example `/src: (run (shell make))`. */
export function opHeading(workdir: string, op: Op): string {
  const prefix = `${workdir}: `;
  return prefix + formatOp(op, { column: Buffer.byteLength(prefix) });
}

function quoted(name: string): string {
  const atom = atomToMachine(name);
  return atom.startsWith('"') ? atom : `"${atom}"`;
}
