import { join } from "node:path";
import { BootCheck, checkOverSsh, type RecipeContext, type RecipeResult } from "@ob/images/toolkit";
import { switchOff } from "./check-by-u-boot.ts";
import { commandLine } from "./guest-files.ts";
import { riscv64Machine } from "./machine.ts";

const bootSeconds = 240;
const powerOffSeconds = 120;

/** Configures the packages that were only unpacked: their maintainer scripts run in the guest. */
const configure = `set -e
sudo -n env DEBIAN_FRONTEND=noninteractive dpkg --configure --pending 2>&1
sudo -n ldconfig
`;

/** Boots the new disk to configure the packages that were unpacked on it. */
export async function configurePackages(
  { disk, directBoot }: RecipeResult,
  { parameters, sshKey, directory, consoleLog, signal }: RecipeContext,
): Promise<void> {
  const { kernel: file = "", initrd = join(directory, "initrd") } = directBoot ?? {};
  const argv = riscv64Machine({ disk, console: consoleLog, kernel: { file, initrd, commandLine } });
  await using vm = BootCheck.start(argv, { console: consoleLog, signal });
  await vm.waitForConsole("obuilder: ready", bootSeconds);
  const login = { port: await vm.sshPort(), user: parameters.user, sshKey, signal };
  await checkOverSsh(configure, login);
  await checkOverSsh(switchOff, login);
  await vm.ended(powerOffSeconds);
}
