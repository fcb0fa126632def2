import { type Emit, isObError, ObError } from "@ob/core";
import type { Vm } from "@ob/qemu";

/*
 * A firmware may start the guest's kernel so that it hangs before it prints a word (`Machine.firmware.startRace`). That is a matter of
 * chance: the same machine, started again, boots.
 */

/** How often a machine is started again. By one start in thirty that hangs, three in a row are one in 27,000. */
const startsAgain = 2;

type Watched = Pick<Vm, "abandon"> & {
  readonly console: Pick<Vm["console"], "tail">;
  readonly config: {
    readonly machine: { readonly firmware: Pick<Vm["config"]["machine"]["firmware"], "startRace"> };
  };
};

/**
 * Abandons a VM if, half of the boot time after its start, its firmware has printed that it is one of those and the kernel has not
 * printed anything. Disposing ends the watch.
 */
export function watchKernelStart(vm: Watched, bootTimeSeconds: number): Disposable {
  const { startRace } = vm.config.machine.firmware;
  if (!startRace) return { [Symbol.dispose]: () => undefined };
  const time = bootTimeSeconds / 2;
  const timer = setTimeout(() => {
    const text = vm.console.tail(consoleLines);
    if (!startRace.firmware.test(text) || startRace.kernel.test(text)) return;
    const message = `The guest's kernel did not start: ${time} s after the firmware nothing was printed.`;
    vm.abandon(new ObError("BOOT_FAILED", message, { data: { hung: "firmware" } }));
  }, time * 1000);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** More than a firmware prints. */
const consoleLines = 500;

/**
 * Starts a VM, and again if `watchKernelStart` has abandoned it; the last time without a watch.
 *
 * @param start `watched` is true if it is to watch.
 * @throws what `start` throws.
 */
export async function startAgainIfHung<T>(
  start: (options: { readonly watched: boolean }) => Promise<T>,
  emit: Emit,
): Promise<T> {
  for (let count = 1; count <= startsAgain; count++) {
    try {
      return await start({ watched: true });
    } catch (error) {
      if (!isObError(error, "BOOT_FAILED") || error.data?.["hung"] !== "firmware") throw error;
      const text = `The firmware has hung. The VM is started again (${count} of ${startsAgain}).`;
      emit({ type: "log", level: "warning", text });
    }
  }
  return await start({ watched: false });
}
