import { readFile } from "node:fs/promises";
import { errnoCode, localFs, ObError, orCancelled } from "@ob/core";
import type { ParsedSpec, Spec } from "@ob/spec";
import type { ProcessIo, Input } from "../process-io.ts";
import { type Arguments, stringOption } from "./options.ts";

export interface SpecInputOptions {
  /** What is read without `-f`; by default it is required. */
  readonly fallback?: "-";
  /** See `ParseOptions.onWarning`. */
  readonly onWarning?: (text: string) => void;
}

/**
 * Reads and parses the spec that `-f` names.
 *
 * @throws ObError `USAGE` if the file cannot be read; `SpecError` if it is not a spec.
 */
export async function readSpec(
  args: Arguments,
  io: ProcessIo,
  { fallback, onWarning }: SpecInputOptions = {},
): Promise<ParsedSpec> {
  const file = stringOption(args, "f") ?? (io.stdin.isTTY === true ? undefined : fallback);
  if (file === undefined || file === "") {
    throw new ObError("USAGE", "No spec is given.", {
      hint: "Add -f FILE; -f - reads standard input.",
    });
  }
  const source = await readSource(file, io);
  const { parseSpecWithSource } = await import("@ob/spec");
  return parseSpecWithSource(source, {
    file: file === "-" ? "<stdin>" : file,
    ...(onWarning && { onWarning }),
  });
}

/** Reads the file, or standard input for `-`. @throws ObError `USAGE` if the file cannot be read. */
export async function readSource(file: string, io: ProcessIo): Promise<Uint8Array> {
  // Standard input may never end, and a read of it cannot be cancelled: it is left behind.
  return file === "-" ? await orCancelled(readAll(io.stdin), io.signal) : await readSpecFile(file);
}

async function readSpecFile(file: string): Promise<Uint8Array> {
  try {
    // A pipe may have to be waited for, while the command can be cancelled.
    const isPlain = (await localFs.stat(file)).isFile();
    return isPlain ? await localFs.readFile(file) : await readFile(file);
  } catch (cause) {
    const why: Readonly<Record<string, string>> = {
      ENOENT: "does not exist",
      EISDIR: "is a directory",
      EACCES: "may not be read by this user",
    };
    const reason = why[errnoCode(cause) ?? ""] ?? "cannot be read";
    throw new ObError("USAGE", `The spec ${file} ${reason}.`, { cause });
  }
}

async function readAll(input: Input): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** What the spec and its nested builds start from, each once. */
export function basesOf(spec: Spec): ReadonlySet<string> {
  const bases = new Set<string>();
  const pending = [spec];
  for (let next = pending.pop(); next; next = pending.pop()) {
    bases.add(next.from);
    for (const build of next.builds) pending.push(build.spec);
  }
  return bases;
}

/** The number of steps in the spec and its nested builds. */
export function countSteps(spec: Spec): number {
  let steps = 0;
  const pending = [spec];
  for (let next = pending.pop(); next; next = pending.pop()) {
    steps += 1 + next.ops.filter(({ op }) => op === "run" || op === "copy").length;
    for (const build of next.builds) pending.push(build.spec);
  }
  return steps;
}
