import { isObError, run, type RunOptions } from "@ob/core";
import type { Monitor } from "../qmp/client.ts";

/** The machine's drive for discs, as QEMU knows it. */
export const cdromId = "obuilder-disc";

export interface IsoFile {
  /** Absolute path on the host. */
  readonly path: string;
  /** Without a directory. */
  readonly name: string;
}

/**
 * Writes a disc image: ISO 9660 with Joliet, which every system mounts by itself. Files may be larger than 4 GiB.
 *
 * @throws ObError `MISSING_TOOL`, `NO_SPACE`, `TOOL_FAILED`, `CANCELLED`.
 */
export async function writeIso(image: string, options: RunOptions & { readonly files: readonly IsoFile[] }) {
  const { files, ...running } = options;
  const maps = files.flatMap(({ path, name }) => ["-map", path, `/${name}`]);
  const format = ["-joliet", "on", "-compliance", "iso_9660_level=3", "-volid", "OBUILDER"];
  // The files are ours alone on this host; in a guest whoever logs in reads them.
  const readable = ["-chmod_r", "a+r", "/", "--"];
  await run(["xorriso", "-no_rc", "-outdev", `stdio:${image}`, ...format, ...maps, ...readable], running);
}

/**
 * Puts a disc into the machine's drive. The guest sees it a moment later. Disposing takes it out.
 *
 * @returns undefined if the machine has no drive.
 * @throws ObError `GUEST_LOST`; the signal's reason.
 */
export async function insertIso(
  qmp: Monitor,
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
    await qmp.execute("blockdev-change-medium", { arguments: medium, signal });
  } catch (error) {
    if (isObError(error, "TOOL_FAILED")) return undefined;
    throw error;
  }
  return {
    [Symbol.asyncDispose]: async () => {
      // A machine that is gone has no drive either, and whoever ended it knows why.
      await qmp.execute("eject", { arguments: { id: cdromId, force: true }, signal }).catch(() => undefined);
    },
  };
}
