import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Emit, errnoCode, type Sandbox } from "@ob/core";
import type { SandboxFlags } from "./args/sandbox-flags.ts";
import type { StoreLocation } from "./args/store-location.ts";
import { LazySandbox } from "./lazy-sandbox.ts";
import { sandboxOptions } from "./sandbox-options.ts";

export interface OpenSandboxOptions {
  readonly location: StoreLocation;
  readonly flags: SandboxFlags;
  readonly emit?: Emit | undefined;
}

/**
 * The sandbox of builds. It is created, with all that it imports, when the first step runs; and at once where a killed process has left
 * a VM, which it ends.
 *
 * @throws ObError `UNSUPPORTED` if there is no profile for the guest OS that the flags name.
 */
export async function openSandbox(options: OpenSandboxOptions): Promise<Sandbox> {
  const { describeGuest, distinctTargets, findProfile } = await import("@ob/sandbox-qemu/guest");
  const given = await sandboxOptions(options);
  const { guestOs, profiles, stateDirectory } = given;
  if (guestOs !== undefined) findProfile(guestOs, profiles);
  const create = async () => {
    const { createSandbox } = await import("@ob/sandbox-qemu");
    return await createSandbox(given);
  };
  if (mayHaveVms(stateDirectory)) return await create();
  return new LazySandbox({ distinctTargets, guest: (image) => describeGuest(image, given), create });
}

/** True if VMs run in the store, or were left there. */
function mayHaveVms(stateDirectory: string): boolean {
  try {
    return readdirSync(join(stateDirectory, "run")).length > 0;
  } catch (error) {
    return errnoCode(error) !== "ENOENT";
  }
}
