import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "@ob/core";
import {
  type Argv,
  assertCleanRoot,
  BootCheck,
  type CheckOptions,
  checkOverSsh,
  type RecipeResult,
  escapeQemuValue,
} from "@ob/images/toolkit";

/** Generous, for a busy host without hardware virtualization. */
const bootSeconds = 180;
const powerDownSeconds = 60;

/**
 * Checks that the first boot left a clean file system, and boots once more from the disk itself with the original
 * OBuilder's flags (GRUB, a SATA disk, an e1000e network card).
 */
export async function checkByDisk(result: RecipeResult, options: CheckOptions): Promise<void> {
  const { directory, parameters, sshKey, tried, signal } = options;
  await assertCleanRoot(tried, { raw: join(directory, "superblock.first"), signal });
  await mkdir(directory, { recursive: true });
  const disk = join(directory, "disk.qcow2");
  const console = join(directory, "console");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", result.disk, "-F", "qcow2", disk], { signal });
  const argv: Argv = [
    ...(["qemu-system-x86_64", "-m", "1G", "-smp", "2", "-machine", "accel=tcg,type=q35"] as const),
    ...[
      "-nic",
      "user,restrict=on,hostfwd=tcp:127.0.0.1:0-:22",
      "-drive",
      `file=${escapeQemuValue(disk)},format=qcow2`,
    ],
    ...["-display", "none", "-monitor", "stdio", "-serial", `file:${escapeQemuValue(console)}`],
  ];
  {
    await using vm = BootCheck.start(argv, { console, signal });
    await vm.waitForConsole("obuilder: ready", bootSeconds);
    const port = await vm.sshPort();
    await checkOverSsh("sudo -n true", { port, user: parameters.user, sshKey, signal });
    await vm.powerDown(powerDownSeconds);
  }
  await assertCleanRoot(disk, { raw: join(directory, "superblock.second"), signal });
}
