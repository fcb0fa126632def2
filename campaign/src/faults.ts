import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { linkOtherPrograms } from "./programs.ts";

/** Where the campaigns keep what they compile. */
export const keptPreload = path.resolve(import.meta.dirname, "../../.obuilder/campaign");

/** What happens at the n-th call that changes a file of the store. */
export interface Fault {
  /** The number of the call, from 1. Undefined: calls are only counted. */
  readonly at: number | undefined;
  /** `kill`: the process ends before the call. Otherwise the call fails with this error. */
  readonly action: "kill" | "ENOSPC" | "EIO" | "EDQUOT";
  /** True if all later calls fail, too, as on a disk that stays full. */
  readonly lasting?: boolean;
}

/** The numbers of errors on Linux. */
const errnos = { EIO: 5, ENOSPC: 28, EDQUOT: 122 } as const;

/** The state that a process with a fault shares with its children: two numbers of 8 bytes. */
const stateBytes = 16;

/**
 * Compiles the library that makes faults, once for each version of its source.
 *
 * @param directory where it is kept.
 * @returns the library's path; undefined if this host has no C compiler.
 */
export async function buildPreload(directory: string): Promise<string | undefined> {
  const source = path.join(import.meta.dirname, "preload", "faults.c");
  await mkdir(directory, { recursive: true });
  const library = path.join(directory, "faults.so");
  const unfinished = `${library}.${process.pid}`;
  try {
    await run(["cc", "-shared", "-fPIC", "-O2", "-o", unfinished, source, "-ldl"]);
  } catch (error) {
    const hasCompiler = await run(["cc", "--version"]).then(
      () => true,
      () => false,
    );
    if (hasCompiler) throw error;
    return undefined;
  }
  await rename(unfinished, library);
  return library;
}

/**
 * The environment of a process that has a fault. Its `PATH` is without the program that confines others: calls of a confined program
 * are not counted.
 *
 * @param state path of the file in which calls are counted; it is created.
 * @param directory absolute path: calls on files below it count.
 */
export async function faultEnvironment(
  fault: Fault,
  { library, state, directory }: { library: string; state: string; directory: string },
): Promise<Record<string, string>> {
  await writeFile(state, Buffer.alloc(stateBytes));
  return {
    PATH: await linkOtherPrograms("bwrap", { into: path.join(path.dirname(library), "programs") }),
    LD_PRELOAD: library,
    OB_FAULT_STATE: state,
    OB_FAULT_DIRECTORY: directory,
    OB_FAULT_AT: String(fault.at ?? 0),
    OB_FAULT_ACTION: fault.action === "kill" ? "kill" : String(errnos[fault.action]),
    ...(fault.lasting ? { OB_FAULT_LASTING: "1" } : {}),
  };
}

/** How many calls a process and its children have made. */
export async function countedCalls(state: string): Promise<number> {
  const bytes = await readFile(state);
  return Number(bytes.readBigUInt64LE(0));
}
