import { join } from "node:path";
import { run } from "@ob/core";
import {
  assertCleanRoot,
  BootCheck,
  type CheckOptions,
  checkOverSsh,
  type RecipeResult,
} from "@ob/images/toolkit";
import { riscv64Machine } from "./machine.ts";

/** Generous, for a busy host; riscv64 always runs under TCG. */
const bootSeconds = 240;
const powerOffSeconds = 60;

/** The machine has no power button, so the shutdown is a command in the guest. */
export const switchOff = "(sleep 0.2; sudo -n poweroff) </dev/null >/dev/null 2>&1 &";

/**
 * Checks that the first boot left a clean file system, and boots once more by U-Boot, as the original OBuilder does.
 */
export async function checkByUBoot(result: RecipeResult, options: CheckOptions): Promise<void> {
  const { directory, parameters, sshKey, tried, signal } = options;
  await assertCleanRoot(tried, { raw: join(directory, "superblock.first"), signal });
  const disk = join(directory, "disk.qcow2");
  const console = join(directory, "console");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", result.disk, "-F", "qcow2", disk], { signal });
  {
    await using vm = BootCheck.start(riscv64Machine({ disk, console }), { console, signal });
    await vm.waitForConsole("obuilder: ready", bootSeconds);
    const port = await vm.sshPort();
    await checkOverSsh(switchOff, { port, user: parameters.user, sshKey, signal });
    await vm.ended(powerOffSeconds);
  }
  await assertCleanRoot(disk, { raw: join(directory, "superblock.second"), signal });
}
