import { storeLayout } from "@ob/core";
import type { SandboxFlags } from "./args/sandbox-flags.ts";
import type { StoreLocation } from "./args/store-location.ts";

/** Confines what checks a disk from elsewhere. The sandbox is loaded only then. */
export async function confineReader(
  file: string,
): Promise<AsyncDisposable & { readonly command: readonly string[] }> {
  const sandbox = await import("@ob/sandbox-qemu");
  return await sandbox.confineReader(file);
}

/** The options of a store that flags give: without confinement it is checked with the caller's rights. */
export function storeFlags({ confinement, diskSize }: Pick<SandboxFlags, "confinement" | "diskSize">) {
  return { diskSize, confine: confinement === "off" ? undefined : confineReader };
}

/** Where the store has the disks that guests write to. */
export function diskDirectoriesOf({ directory }: StoreLocation): readonly string[] {
  const { temporary, temporaryCaches } = storeLayout(directory);
  return [temporary, temporaryCaches];
}
