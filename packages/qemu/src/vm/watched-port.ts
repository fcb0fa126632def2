import { rootShellId } from "../argv/qemu-argv.ts";
import type { RootShellPort } from "../process/qemu-process.ts";
import type { QemuInstance } from "./qemu-instance.ts";

/** The port of a root shell. Its streams end when the guest closes the port of the shell, as it does when the shell ends. */
export interface WatchedPort extends RootShellPort {
  /** Resolves when the guest opens the port of the shell. */
  readonly opened: Promise<void>;
}

/** QEMU itself keeps its ends open: whoever opens the port next in the guest would otherwise continue in the shell's place. */
export function watchedPort(
  { shell, errors }: RootShellPort,
  vm: Pick<QemuInstance, "onEvent">,
): WatchedPort {
  const { promise: opened, resolve } = Promise.withResolvers<void>();
  let isOpen = false;
  vm.onEvent(({ name, data }) => {
    if (name !== "VSERPORT_CHANGE" || data["id"] !== rootShellId) return;
    if (data["open"] === true) {
      isOpen = true;
      return resolve();
    }
    // QEMU also says so of a port that was not open when its VM was saved. It may leave out one of two events in a second.
    if (!isOpen && !shell.readableDidRead) return;
    shell.destroy();
    errors.destroy();
  });
  return { shell, errors, opened };
}
