import { readFile } from "node:fs/promises";
import { type CpioEntry, packCpio } from "./cpio.ts";
import { type KernelModule, type KernelModules, loadOrder } from "./kernel-modules.ts";

export interface InitrdOptions {
  readonly kernelModules: KernelModules;
  /** Path of a static busybox. */
  readonly busybox: string;
  /** Label of the root file system. */
  readonly label: string;
  /** Kernel modules by purpose, in capitals: `@USE@` in the script is replaced by their names in load order. */
  readonly modules: Readonly<Record<string, readonly string[]>>;
  /** The script that becomes `/init`. */
  readonly script: string;
}

/** Builds the initrd: busybox, the init script, and the drivers that it may load. */
export async function makeInitrd(options: InitrdOptions): Promise<Buffer> {
  const { kernelModules, busybox, label, modules, script } = options;
  const orders = new Map<string, readonly KernelModule[]>();
  for (const [use, names] of Object.entries(modules)) orders.set(use, await loadOrder(kernelModules, names));

  const files = new Map([...orders.values()].flat().map(({ name, file }) => [name, file]));
  const entries: CpioEntry[] = ["bin", "dev", "modules", "proc", "root"].map((path) => ({
    path,
    kind: "directory",
  }));
  for (const [name, file] of files) {
    entries.push({ path: `modules/${name}.ko`, kind: "file", mode: 0o644, contents: await readFile(file) });
  }
  const init = renderTemplate(script, initrdValues(orders, label));
  entries.push(
    { path: "bin/busybox", kind: "file", mode: 0o755, contents: await readFile(busybox) },
    { path: "init", kind: "file", mode: 0o755, contents: Buffer.from(init) },
  );
  return packCpio(entries);
}

function initrdValues(
  orders: ReadonlyMap<string, readonly KernelModule[]>,
  label: string,
): ReadonlyMap<string, string> {
  // VIRTIO's modules are loaded for every virtio device; the other lists omit them.
  const common = new Set(orders.get("VIRTIO")?.map(({ name }) => name));
  const values = new Map([["LABEL", label]]);
  for (const [use, order] of orders) {
    const own = order.filter(({ name }) => use === "VIRTIO" || !common.has(name));
    values.set(use, own.map(({ name }) => name).join(" "));
  }
  return values;
}

/** Replaces `@NAME@` with its value. @throws Error if a name has no value: a bug of the recipe. */
export function renderTemplate(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/@([A-Z0-9_]+)@/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`There is no value for @${name}@.`);
    return value;
  });
}
