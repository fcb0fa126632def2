import { join, relative } from "node:path";
import {
  type SmokeTestGuest,
  type ImageCheck,
  type ImageManifest,
  tailLines,
  ObError,
  type StartSmokeTest,
} from "@ob/core";
import { createOverlay, inspectQcow2 } from "@ob/qcow2";
import { machineFor } from "@ob/qemu";
import type { OnImageEvent } from "../build/phases.ts";

export interface ImageToCheck {
  readonly manifest: ImageManifest;
  /** Absolute path of the directory that the manifest's paths are relative to. */
  readonly manifestDirectory: string;
  /** Absolute path of the qcow2 file; it is not modified. */
  readonly disk: string;
  /** A script with additional required checks; see `Recipe.expectations`. */
  readonly script?: string | undefined;
  readonly memoryMib?: number | undefined;
  readonly bootSeconds?: number | undefined;
}

export interface CheckTools {
  readonly startSmokeTest: StartSmokeTest;
  /** Absolute path of an empty directory. */
  readonly scratch: string;
  /** True to treat recommended properties as required. */
  readonly strict: boolean;
  /** True to report a failed check as such, and to continue with the others. By default it ends the check. */
  readonly keepGoing?: boolean | undefined;
  /** True to find out, and report, how quickly steps start on the image. By default false. */
  readonly measuresSpeed?: boolean | undefined;
  readonly onEvent: OnImageEvent;
  readonly signal: AbortSignal | undefined;
}

/**
 * Boots an image on an ephemeral overlay, as a build does, logs in, checks what builds require, and shuts it down.
 * Reports each check when it is done.
 *
 * @returns the absolute path of the overlay, as the guest left it.
 * @throws ObError `BASE_IMAGE` that names the failed check; errors of the boot.
 */
export async function checkImage(image: ImageToCheck, tools: CheckTools): Promise<string> {
  const { manifest, manifestDirectory, memoryMib, bootSeconds } = image;
  const { startSmokeTest, scratch, onEvent, signal } = tools;
  if ((await inspectQcow2(image.disk)) === undefined) {
    throw new ObError("BASE_IMAGE", `${image.disk} is not a qcow2 file.`, {
      hint: "Convert it.",
      data: { notQcow2: image.disk },
    });
  }
  const disk = join(scratch, "smoke-test.qcow2");
  await createOverlay(disk, { backing: relative(scratch, image.disk), signal });
  await using guest = await startSmokeTest({
    image: { manifest, manifestDirectory },
    ...{ disk, memoryMib, bootSeconds, signal },
  });
  const { loginUser } = manifest;
  onEvent({ type: "check", outcome: "passed", what: `boots and accepts the login of ${loginUser}` });
  onEvent({ type: "check", outcome: "passed", what: guest.rootAccess });
  for (const check of guest.checks) await runCheck(guest, check, tools);
  if (image.script !== undefined) {
    await runCheck(
      guest,
      { what: "passes the checks of its recipe", script: image.script, required: true },
      tools,
    );
  }
  if (tools.measuresSpeed) onEvent({ type: "speed", speed: await guest.speed() });
  const by = await guest.powerOff();
  const byAcpi = by === "acpi";
  onEvent({
    type: "check",
    outcome: byAcpi || !machineFor(manifest.guestArch).acpiShutdown ? "passed" : "warning",
    what: `shuts down cleanly, by ${byAcpi ? "ACPI" : "poweroff"}`,
  });
  return disk;
}

async function runCheck(guest: SmokeTestGuest, check: ImageCheck, tools: CheckTools): Promise<void> {
  const { what, script, environment, required } = check;
  const { status, stdout, stderr } = await guest.run({ script, ...(environment && { environment }) });
  const said = tailLines(`${stdout}\n${stderr}`, 6);
  if (status === 0) {
    const detail = said === "" ? {} : { detail: said };
    tools.onEvent({ type: "check", outcome: "passed", what, ...detail });
    return;
  }
  if (!required && !tools.strict) {
    tools.onEvent({ type: "check", outcome: "warning", what, ...(said === "" ? {} : { detail: said }) });
    return;
  }
  if (tools.keepGoing) {
    tools.onEvent({ type: "check", outcome: "failed", what, detail: said });
    return;
  }
  throw new ObError("BASE_IMAGE", `The image boots, but this check failed: ${what}.${said && `\n${said}`}`, {
    hint: "docs/images.md says what a base image needs.",
  });
}
