import type { Accelerator } from "@ob/qemu";
import type { KernelTuning } from "../profile.ts";
import type { LinuxAccess } from "./access.ts";

/** An argument on the kernel's command line, and the file for the same setting at run time. */
interface Setting {
  readonly arg: string;
  readonly file: string;
  readonly value: string;
}

/**
 * Grace periods of RCU end at once, and not with the next ticks of all CPUs: to freeze a file system takes three of them.
 * Source: Linux' Documentation/admin-guide/kernel-parameters.txt, fs/super.c.
 */
const expeditedRcu: Setting = {
  arg: "rcupdate.rcu_expedited=1",
  file: "/sys/kernel/rcu_expedited",
  value: "1",
};

/** No ASLR: a program then has the same addresses each time it runs, by which TCG caches translated code. */
const fixedAddresses: Setting = {
  arg: "norandmaps",
  file: "/proc/sys/kernel/randomize_va_space",
  value: "0",
};

export function tuneKernel({ asRootCommand }: LinuxAccess): (accelerator: Accelerator) => KernelTuning {
  return (accelerator) => {
    const settings = accelerator === "tcg" ? [fixedAddresses, expeditedRcu] : [expeditedRcu];
    // Errors are ignored: without them the guest is only slower.
    const writes = settings.map(({ file, value }) => `{ echo ${value} >${file}; } 2>/dev/null || :`);
    return {
      args: settings.map(({ arg }) => arg),
      command: {
        phase: "login",
        purpose: "tune its kernel",
        ...asRootCommand(writes.join("\n")),
        failure: "GUEST_LOST",
      },
    };
  };
}
