import { isObError, run, type RunOptions } from "@ob/core";
import { cdromId } from "../argv/qemu-argv.ts";
import type { ShownDisk } from "../confinement/vm-files.ts";
import type { Monitor } from "../qmp/client.ts";

/** What is needed of a `Vm` to change what is in its CD-ROM drive. */
export interface IsoDrive {
  readonly qmp: Monitor;
  showDisk(disk: ShownDisk): Promise<void>;
}

export interface IsoFile {
  /** Absolute path on the host. */
  readonly path: string;
  /** Without a directory. */
  readonly name: string;
}

/**
 * Writes an ISO 9660 image with Joliet, which every operating system can mount. Files may be larger than 4 GiB.
 *
 * @throws ObError `MISSING_TOOL`, `NO_SPACE`, `TOOL_FAILED`, `CANCELLED`.
 */
export async function writeIso(image: string, options: RunOptions & { readonly files: readonly IsoFile[] }) {
  const { files, ...running } = options;
  const maps = files.flatMap(({ path, name }) => ["-map", path, `/${name}`]);
  const format = ["-joliet", "on", "-compliance", "iso_9660_level=3", "-volid", "OBUILDER"];
  // On the host only the owner can read the files; in the guest every user must.
  const readable = ["-chmod_r", "a+r", "/", "--"];
  await run(["xorriso", "-no_rc", "-outdev", `stdio:${image}`, ...format, ...maps, ...readable], running);
}

/**
 * Inserts an ISO image into the VM's CD-ROM drive. The guest sees it a moment later. Disposing ejects it.
 *
 * @returns undefined if the VM has no drive.
 * @throws ObError `GUEST_LOST`; the signal's reason.
 */
export async function insertIso(
  vm: IsoDrive,
  { image, signal }: { readonly image: string; readonly signal: AbortSignal },
): Promise<AsyncDisposable | undefined> {
  const medium = {
    id: cdromId,
    filename: image,
    format: "raw",
    "read-only-mode": "read-only",
    force: true,
  };
  try {
    await vm.showDisk({ file: image, format: "raw", readOnly: true });
    await vm.qmp.execute("blockdev-change-medium", { arguments: medium, signal });
  } catch (error) {
    if (isObError(error, "TOOL_FAILED")) return undefined;
    throw error;
  }
  return {
    [Symbol.asyncDispose]: async () => {
      // If the VM has ended there is nothing to eject.
      await vm.qmp
        .execute("eject", { arguments: { id: cdromId, force: true }, signal })
        .catch(() => undefined);
    },
  };
}
