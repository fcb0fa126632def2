import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { publish, type Target, writeNewFile } from "../outputs/publish.ts";
import type { LayoutFile } from "./container-disk.ts";
import { tarOf } from "./tar.ts";

/** The file that every image layout has. */
export const layoutMarker = "oci-layout";

/** Writes an image layout, an archive or a directory, which appears when it is complete. */
export async function writeLayout(
  files: readonly LayoutFile[],
  target: Target,
  signal: AbortSignal,
): Promise<void> {
  await publish(target, async (partial) => {
    await (target.isDirectory ? writeDirectory : writeArchive)(files, partial, signal);
  });
}

async function writeArchive(files: readonly LayoutFile[], path: string, signal: AbortSignal): Promise<void> {
  const entries = files.map(({ path: name, size, read }) => ({
    header: { name, size, type: "file" as const, mode: 0o644 },
    read,
  }));
  await writeNewFile(path, tarOf(entries), signal);
}

async function writeDirectory(
  files: readonly LayoutFile[],
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  for (const file of files) {
    const path = join(directory, file.path);
    await mkdir(dirname(path), { recursive: true });
    await writeNewFile(path, file.read(), signal);
  }
}
