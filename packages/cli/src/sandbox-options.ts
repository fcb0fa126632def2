import { type Emit, type StorePath, storeLayout } from "@ob/core";
import type { SandboxOptions } from "@ob/sandbox-qemu";
import type { SandboxFlags } from "./args/sandbox-flags.ts";
import type { StoreLocation } from "./args/store-location.ts";
import { diskDirectoriesOf } from "./store-options.ts";
import { loadGuestProfiles } from "./guest-profiles.ts";

/** The state directory of the sandbox. */
export function qemuStateOf({ directory }: StoreLocation): StorePath {
  return storeLayout(directory).qemu;
}

/** Named one by one: in a spread, the compiler would accept an option with a wrong name. */
export async function sandboxOptions({
  location,
  flags,
  emit,
}: {
  readonly location: StoreLocation;
  readonly flags: SandboxFlags;
  readonly emit?: Emit | undefined;
}): Promise<SandboxOptions> {
  return {
    profiles: await loadGuestProfiles(flags.guestProfiles),
    memoryMib: flags.memoryMib,
    cpus: flags.cpus,
    guestOs: flags.guestOs,
    guestArch: flags.guestArch,
    bootTimeSeconds: flags.bootTimeSeconds,
    accelerator: flags.accelerator,
    network: flags.network,
    allowHostLoopback: flags.allowHostLoopback,
    sshKey: flags.sshKey,
    hardware: flags.hardware,
    snapshotCacheSize: flags.snapshotCacheSize,
    vmReuse: flags.vmReuse,
    confinement: flags.confinement,
    diskDirectories: diskDirectoriesOf(location),
    stateDirectory: qemuStateOf(location),
    emit,
  };
}
