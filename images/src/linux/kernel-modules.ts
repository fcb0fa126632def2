import { access, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ObError, run, errnoCode } from "@ob/core";

/** A kernel module, by the kernel's name for it (`virtio_rng`, whatever the file name). */
export interface KernelModule {
  readonly name: string;
  /** Path of the `.ko` file. */
  readonly file: string;
}

/** The modules of a kernel package. */
export interface KernelModules {
  /** Paths of the `.ko` files by module name; for a compressed module the path after decompression. */
  readonly files: ReadonlyMap<string, string>;
  /** The names of the built-in modules. */
  readonly builtIn: ReadonlySet<string>;
}

/** Finds the modules in a directory such as `/lib/modules/VERSION`. */
export async function findKernelModules(directory: string): Promise<KernelModules> {
  const files = await readdir(directory, { recursive: true });
  const modules = files
    .map((file) => file.replace(/\.ko\.xz$/, ".ko"))
    .filter((file) => file.endsWith(".ko"));
  const list = await readFile(join(directory, "modules.builtin"), "utf8").catch((error: unknown) => {
    if (errnoCode(error) === "ENOENT") return "";
    throw error;
  });
  const builtIn = list.split("\n").map((line) => moduleName(basename(line, ".ko")));
  return {
    files: new Map(modules.map((file) => [moduleName(basename(file, ".ko")), join(directory, file)])),
    builtIn: new Set(builtIn),
  };
}

/**
 * The modules with all their dependencies in load order: each after those that it depends on. Built-in modules are
 * omitted.
 *
 * @throws ObError `BASE_IMAGE` if the kernel does not have one of the modules.
 */
export async function loadOrder(
  modules: KernelModules,
  names: readonly string[],
): Promise<readonly KernelModule[]> {
  const order = new Map<string, KernelModule>();
  const visit = async (wanted: string): Promise<void> => {
    const name = moduleName(wanted);
    if (order.has(name) || modules.builtIn.has(name)) return;
    const file = modules.files.get(name);
    if (file === undefined) throw new ObError("BASE_IMAGE", `The kernel has no module ${name}.`);
    await unpack(file);
    for (const dependency of moduleDependencies(await readFile(file))) await visit(dependency);
    order.set(name, { name, file });
  };
  for (const name of names) await visit(name);
  return [...order.values()];
}

/**
 * Debian compresses modules since release 13, and busybox cannot decompress them. Only the required ones are
 * decompressed.
 */
async function unpack(file: string): Promise<void> {
  try {
    await access(file);
  } catch (error) {
    if (errnoCode(error) !== "ENOENT") throw error;
    await run(["xz", "--decompress", "--keep", `${file}.xz`]);
  }
}

/** A module's dependencies: the `depends=` of its `.modinfo` section. */
export function moduleDependencies(contents: Buffer): readonly string[] {
  const start = contents.indexOf("\0depends=");
  if (start < 0) return [];
  const value = start + "\0depends=".length;
  const text = contents.toString("latin1", value, contents.indexOf(0, value));
  return text === "" ? [] : text.split(",");
}

function moduleName(name: string): string {
  return name.replaceAll("-", "_");
}
