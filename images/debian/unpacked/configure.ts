import { type GuestArch, ObError, tailLines } from "@ob/core";
import type { RecipeContext, RecipeResult } from "@ob/images/toolkit";
import { bootDebian } from "../boot.ts";
import { configurePackages as script } from "../scripts.generated.ts";

export interface ConfigureOptions extends Pick<
  RecipeContext,
  "parameters" | "sshKey" | "startSmokeTest" | "consoleLog" | "signal"
> {
  readonly guestArch: GuestArch;
  /** How long the packages' scripts may take, in seconds. */
  readonly limitSeconds: number;
}

/** Boots the new disk to configure the packages that were unpacked on it. */
export async function configurePackages(
  { disk, directBoot }: RecipeResult,
  { limitSeconds, ...options }: ConfigureOptions,
): Promise<void> {
  await using guest = await bootDebian({ ...options, disk, directBoot });
  const { status, stdout, stderr } = await guest.run({ script, timeoutSeconds: limitSeconds });
  if (status !== 0) {
    const said = tailLines(`${stdout}\n${stderr}`, 20);
    throw new ObError("BASE_IMAGE", `The packages cannot be configured in the guest.\n${said}`);
  }
  await guest.powerOff();
}
