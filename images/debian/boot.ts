import { join } from "node:path";
import {
  type GuestArch,
  type ImageManifest,
  run,
  type SmokeTestGuest,
  type SmokeTestRequest,
} from "@ob/core";
import type { CheckOptions } from "@ob/images/toolkit";

/** Generous, for a busy host without hardware virtualization. */
const bootSeconds = 240;

export interface BootOptions
  extends
    Pick<CheckOptions, "parameters" | "sshKey" | "startSmokeTest" | "signal">,
    Pick<ImageManifest, "directBoot" | "diskBus" | "machine">,
    Pick<SmokeTestRequest, "networkDevice" | "consoleLog"> {
  readonly guestArch: GuestArch;
  /** Absolute path of a qcow2 disk with a Debian of ours, which is written to. */
  readonly disk: string;
}

/** Boots a Debian of ours and logs in: from its disk, or `directBoot` with absolute paths. */
export async function bootDebian(options: BootOptions): Promise<SmokeTestGuest> {
  const { guestArch, parameters, sshKey, startSmokeTest, signal, directBoot, diskBus, machine } = options;
  const { disk, networkDevice, consoleLog } = options;
  return await startSmokeTest({
    image: {
      manifest: {
        ...{ version: 2, guestOs: "linux", guestArch, loginUser: parameters.user, sshKey },
        ...{ readyMarker: true, directBoot, diskBus, machine },
      },
      manifestDirectory: "/",
    },
    ...{ disk, networkDevice, consoleLog, bootSeconds, signal },
  });
}

/** Creates a disk in `directory` that leaves the disk of the image unchanged. @returns its absolute path. */
export async function temporaryDisk(
  image: string,
  { directory, signal }: Pick<CheckOptions, "directory" | "signal">,
): Promise<string> {
  const disk = join(directory, "disk.qcow2");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", disk], { signal });
  return disk;
}
