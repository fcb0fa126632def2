import { resolve } from "node:path";
import {
  checkArgument,
  checkOptions,
  type Emit,
  isObError,
  type ObError,
  type OptionKind,
  run,
} from "@ob/core";

export interface QemuImgOptions {
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

/**
 * Changes the backing file of a disk, and copies the data that the two chains differ by into it: its contents do not
 * change. The disk must not be open anywhere.
 */
export async function rebase(path: string, options: QemuImgOptions & { backing: string }): Promise<void> {
  checkDisk("rebase", { path, options }, { backing: "string" });
  await qemuImg(["rebase", "-f", "qcow2", "-F", "qcow2", "-b", options.backing, path], options);
}

/**
 * Changes only the name of the backing file: the file of the new name must have the same contents. QEMU refuses while
 * the disk is open for writing, or is the backing file of an open disk.
 */
export async function renameBacking(
  path: string,
  options: QemuImgOptions & { backing: string },
): Promise<void> {
  checkDisk("renameBacking", { path, options }, { backing: "string" });
  await qemuImg(["rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", options.backing, path], options);
}

export interface ConvertOptions extends QemuImgOptions {
  /** By default qcow2. */
  readonly from?: "raw" | "qcow2" | undefined;
  /** By default qcow2. The others are one file too, which grows with what is written to it. */
  readonly to?: "raw" | "qcow2" | "vmdk" | "vhdx" | undefined;
  /** Compresses qcow2 with zstd: five times as fast as zlib, at the same size. By default the copy is not compressed. */
  readonly compress?: boolean | undefined;
}

/** Copies a disk with its backing chain into one file. */
export async function convert(source: string, target: string, options: ConvertOptions = {}): Promise<void> {
  checkDisk("convert", { path: source, options }, { from: "string?", to: "string?", compress: "boolean?" });
  checkArgument("convert: target", target, "string");
  const { from = "qcow2", to = "qcow2", compress = false } = options;
  const compression = compress && to === "qcow2" ? ["-c", "-o", "compression_type=zstd"] : [];
  await qemuImg(["convert", "-f", from, "-O", to, ...compression, source, target], options);
}

/** Confines a program that reads one file: its command is put in front of the program's. Disposed of when that has ended. */
export type ConfineReader = (
  /** Absolute path. */
  file: string,
) => Promise<AsyncDisposable & { readonly command: readonly string[] }>;

export interface FindDamageOptions extends QemuImgOptions {
  /** For a disk that a stranger has made. By default qemu-img has the rights of its caller. */
  readonly confine?: ConfineReader | undefined;
}

/**
 * Checks a qcow2 file. The files below it are not opened.
 *
 * @returns qemu-img's output if the file is damaged, undefined if it is not. Leaked clusters are not damage.
 */
export async function findDamage(path: string, options: FindDamageOptions = {}): Promise<string | undefined> {
  checkDisk("findDamage", { path, options }, { confine: "function?" });
  const { confine, signal, emit } = options;
  const leaksOnly = 3;
  const file = { driver: "file", filename: resolve(path) };
  const name = `json:${JSON.stringify({ driver: "qcow2", backing: null, file })}`;
  await using confined = await confine?.(resolve(path));
  const [program, ...args] = [...(confined?.command ?? []), "qemu-img", "check", "-q", name];
  try {
    await run([program ?? "qemu-img", ...args], { signal, emit });
    return undefined;
  } catch (error) {
    if (!isObError(error, "TOOL_FAILED")) throw error;
    return exitStatus(error) === leaksOnly ? undefined : error.message.replaceAll(name, path);
  }
}

/** See `checkOptions`. */
export function checkDisk(
  caller: string,
  { path, options }: { readonly path: unknown; readonly options: unknown },
  kinds: Readonly<Record<string, OptionKind>> = {},
): void {
  checkArgument(`${caller}: path`, path, "string");
  checkOptions(caller, options, { ...kinds, emit: "function?" });
}

async function qemuImg(args: readonly string[], { signal, emit }: QemuImgOptions): Promise<void> {
  await run(["qemu-img", ...args], { signal, emit });
}

function exitStatus(error: ObError): unknown {
  const { cause } = error;
  return cause instanceof Error && "exitCode" in cause ? cause.exitCode : undefined;
}
