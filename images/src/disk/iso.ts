import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ObError, run, errnoCode } from "@ob/core";

/** A file of an ISO: its contents, or the absolute path of a file with the contents. */
export type IsoFile = { readonly path: string } & (
  | { readonly contents: string | Uint8Array }
  | { readonly source: string }
);

export interface MakeIsoOptions {
  /** The volume label. Windows and cloud-init find the volume by it. */
  readonly label: string;
  /** Paths without a leading slash. */
  readonly files: readonly IsoFile[];
  /** Absolute path of an empty directory for temporary files. */
  readonly directory: string;
  readonly signal: AbortSignal | undefined;
}

/** The timestamp of all files in an image, in seconds since 1970. */
const epoch = "1735689600";

/**
 * Creates an ISO 9660 image with both extensions for long names, Rock Ridge (Linux) and Joliet (Windows). The output
 * is reproducible.
 *
 * @param iso absolute path; an existing file is replaced.
 * @throws ObError `MISSING_TOOL`, `TOOL_FAILED`, `NO_SPACE`, `CANCELLED`.
 */
export async function makeIso(
  iso: string,
  { label, files, directory, signal }: MakeIsoOptions,
): Promise<void> {
  const grafts: string[] = [];
  for (const [index, file] of files.entries()) {
    const source = "source" in file ? file.source : join(directory, `${index}`);
    if ("contents" in file) {
      await mkdir(dirname(source), { recursive: true });
      await writeFile(source, file.contents);
    }
    grafts.push(`${graftWord(file.path)}=${graftWord(source)}`);
  }
  // Without these options the image would contain its creation time.
  const dates = ["--set_all_file_dates", `=${epoch}`];
  const names = ["-V", label, "-volset", label, "-joliet", "-rational-rock"];
  const options = ["-quiet", "-iso-level", "3", ...names, ...dates];
  await run(["xorriso", "-as", "mkisofs", ...options, "-o", iso, "-graft-points", ...grafts], {
    signal,
    env: { SOURCE_DATE_EPOCH: epoch },
  });
}

/** In a graft point `=` separates the two paths, and a backslash escapes. */
function graftWord(path: string): string {
  return path.replaceAll(/[\\=]/g, (character) => `\\${character}`);
}

export interface ListIsoOptions {
  readonly signal: AbortSignal | undefined;
}

/** Lists the files of an ISO 9660 image, as absolute paths, sorted. @throws ObError as `makeIso`. */
export async function listIso(iso: string, { signal }: ListIsoOptions): Promise<readonly string[]> {
  const { stdout } = await run(["xorriso", "-indev", iso, "-find", "/", "-type", "f", "-exec", "echo"], {
    signal,
  });
  // xorriso prints each path in single quotes.
  const paths = [...stdout.matchAll(/^'(.*)'$/gm)].map(([, path = ""]) => path);
  return paths.toSorted();
}

const sector = 2048;
const firstDescriptor = 16;

/**
 * The volume label of an ISO 9660 image, also of one whose files are in UDF, as in Microsoft's.
 *
 * @returns undefined if the file is not an ISO 9660 image.
 * @throws ObError `USAGE` if the file cannot be read.
 */
export async function isoLabel(iso: string): Promise<string | undefined> {
  try {
    await using handle = await open(iso);
    const descriptor = Buffer.alloc(sector);
    const { bytesRead } = await handle.read(descriptor, 0, sector, firstDescriptor * sector);
    if (bytesRead < sector || descriptor.toString("latin1", 1, 6) !== "CD001") return undefined;
    return descriptor.toString("latin1", 40, 72).trimEnd();
  } catch (error) {
    const code = errnoCode(error);
    if (code === undefined) throw error;
    throw new ObError("USAGE", `${iso} cannot be read: ${code}.`, { cause: error });
  }
}
