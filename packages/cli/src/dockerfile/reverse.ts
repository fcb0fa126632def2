import { statSync } from "node:fs";
import path from "node:path";
import { type Emit, ObError } from "@ob/core";
import { fromBytes, toBytes } from "@ob/spec";
import { formatSource } from "@ob/spec/editor";
import { type Arguments, stringOption } from "../args/options.ts";
import { readSource } from "../args/spec-input.ts";
import type { ProcessIo } from "../process-io.ts";
import type { KindOf } from "./copy-instruction.ts";
import type { Refusal } from "./refusal.ts";
import { specFromDockerfile } from "./spec-from-dockerfile.ts";

/**
 * Prints the Dockerfile of `-f` as a spec. What is left out is a warning.
 *
 * @throws ObError `USAGE` if the file cannot be read; `UNSUPPORTED` with the lines of what cannot be said in a spec.
 */
export async function reverse(
  args: Arguments,
  { io, emit }: { readonly io: ProcessIo; readonly emit: Emit },
): Promise<void> {
  const file = stringOption(args, "f") ?? "-";
  const name = file === "-" ? "<stdin>" : file;
  const text = fromBytes(await readSource(file, io));
  const kindOf = file === "-" ? () => undefined : kindsIn(path.dirname(file));
  const { spec, refused, omitted } = specFromDockerfile(text, { kindOf });
  const found =
    args["strict"] === true ? [...refused, ...omitted].toSorted((a, b) => a.line - b.line) : refused;
  if (spec === undefined || found.length > 0) throw refusal(name, found);
  for (const each of omitted) emit({ type: "log", level: "warning", text: describe(name, each) });
  io.stdout.write(toBytes(formatSource(spec, { file: name })));
}

/** What is in a directory. Links are followed, as a build of Docker's would not: only whether it is a directory counts. */
function kindsIn(directory: string): KindOf {
  return (source) => {
    const found = statSync(path.join(directory, source), { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    return found.isDirectory() ? "directory" : "file";
  };
}

function refusal(file: string, found: readonly Refusal[]): ObError {
  const lines = found.map((each) => describe(file, each));
  return new ObError("UNSUPPORTED", `This Dockerfile cannot be said as a spec:\n${lines.join("\n")}`, {
    hint: "docs/spec.md lists what a Dockerfile's instructions are in a spec.",
  });
}

function describe(file: string, { line, instruction, reason, hint }: Refusal): string {
  return `${file}:${line}: ${instruction}: ${reason}${hint === undefined ? "" : `; ${hint}`}`;
}
