import path from "node:path";
import { errnoCode, localFs, storeLayout } from "@ob/core";
import type { Arguments } from "./options.ts";
import type { StoreLocation } from "./store-location.ts";

export interface VmReuseSources {
  readonly args: Arguments;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly location: StoreLocation;
}

/** A store with this file never lets a VM serve several steps. */
const markerName = "no-vm-reuse";

/** False if the flag, the environment or the store says that each step gets a VM of its own: the strictest counts. */
export async function mayReuseVm({ args, env, location }: VmReuseSources): Promise<boolean> {
  if (args["no-vm-reuse"] === true || args["vm-reuse"] === "never") return false;
  if ((env["OBUILDER_NO_VM_REUSE"] ?? "") !== "") return false;
  try {
    await localFs.access(path.join(storeLayout(location.directory).state, markerName));
    return false;
  } catch (error) {
    if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return true;
    throw error;
  }
}
