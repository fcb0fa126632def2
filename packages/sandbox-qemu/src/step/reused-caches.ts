import { isObError } from "@ob/core";
import {
  attachDisks,
  autoSlotDisks,
  detachDisk,
  emptyDevices,
  fillDevices,
  hasDevicesFor,
  supportsHotplug,
} from "@ob/qemu";
import type { CacheDisk } from "../guest/cache-disk.ts";
import { type GuestConnection, runGuestCommand } from "../guest/guest-command.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";

/*
 * How the caches of a step come to a VM that serves several steps, and go from it: by hot-plug, or where the machine has none by an
 * exchange of the disks behind the devices that the VM was started with.
 */

type Reused = Pick<GuestSession, "vm" | "profile">;

/** True if the caches can be given to the VM, and taken from it, while its guest runs. */
export function canExchangeCaches({ vm, profile }: Reused, caches: readonly CacheDisk[]): boolean {
  if (caches.length === 0) return true;
  if (profile.vmReuse?.changesDisks === false) return false;
  if (supportsHotplug(vm.config)) return caches.length < autoSlotDisks;
  return profile.vmReuse?.exchangeDisks !== undefined && hasDevicesFor(vm.config, caches);
}

/**
 * Gives the caches of the next step to a VM that has none.
 *
 * @throws ObError `CACHE` if the guest does not take them; `TOOL_FAILED`, `GUEST_LOST`, the signal's reason.
 */
export async function attachCaches(
  { vm, profile }: Reused,
  { caches, connection }: { readonly caches: readonly CacheDisk[]; readonly connection: GuestConnection },
): Promise<void> {
  if (caches.length === 0) return;
  if (supportsHotplug(vm.config)) {
    await attachDisks(vm, caches, connection.signal);
    return;
  }
  await fillDevices(vm, caches, connection.signal);
  const take = profile.vmReuse?.exchangeDisks?.take(caches.length);
  if (take) await runGuestCommand(take, connection);
}

/** Takes the caches of a step, which are not mounted, from its VM. @returns why that is not possible. */
export async function releaseCaches(
  { vm, profile }: Reused,
  { caches, connection }: { readonly caches: readonly CacheDisk[]; readonly connection: GuestConnection },
): Promise<string | undefined> {
  if (caches.length === 0) return undefined;
  const { signal } = connection;
  if (supportsHotplug(vm.config)) {
    const results = await Promise.all(
      caches.map(async (cache) => await orRefusal(cache, async () => await detachDisk(vm, cache, signal))),
    );
    return results.find((reason) => reason !== undefined);
  }
  const release = profile.vmReuse?.exchangeDisks?.release(caches.length);
  return await orRefusal(caches[0], async () => {
    if (release) await runGuestCommand(release, connection);
    await emptyDevices(vm, caches, signal);
  });
}

async function orRefusal(
  cache: CacheDisk | undefined,
  release: () => Promise<void>,
): Promise<string | undefined> {
  try {
    await release();
    return undefined;
  } catch (error) {
    if (isObError(error, "TOOL_FAILED", "CACHE"))
      return `the guest did not release the cache at ${cache?.target}`;
    throw error;
  }
}
