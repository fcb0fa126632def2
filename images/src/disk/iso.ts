import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ObError, run, errnoCode } from "@ob/core";

/** A file of an ISO: its contents, or the absolute path of a file that has them. */
export type IsoFile = { readonly path: string } & (
  | { readonly contents: string | Uint8Array }
  | { readonly source: string }
);

export interface MakeIsoOptions {
  /** The volume's name. Windows and cloud-init look at it. */
  readonly label: string;
  /** Paths without a leading slash. */
  readonly files: readonly IsoFile[];
  /** Absolute path of an empty directory for what is needed on the way. */
  readonly directory: string;
  readonly signal: AbortSignal | undefined;
}

/** The time that all of an image is from, in seconds since 1970. */
const epoch = "1735689600";

/**
 * Makes an ISO 9660 image with long names in both manners, Rock Ridge (Linux) and Joliet (Windows). The same files
 * make the same image.
 *
 * @param iso absolute path; a file there is replaced.
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
  // Without these the hour of the making would stand in the image.
  const dates = ["--set_all_file_dates", `=${epoch}`];
  const names = ["-V", label, "-volset", label, "-joliet", "-rational-rock"];
  const options = ["-quiet", "-iso-level", "3", ...names, ...dates];
  await run(["xorriso", "-as", "mkisofs", ...options, "-o", iso, "-graft-points", ...grafts], {
    signal,
    env: { SOURCE_DATE_EPOCH: epoch },
  });
}

/** In a graft point `=` stands between the two paths, and a backslash takes meaning away. */
function graftWord(path: string): string {
  return path.replaceAll(/[\\=]/g, (character) => `\\${character}`);
}

export interface ListIsoOptions {
  readonly signal: AbortSignal | undefined;
}

/**
 * The files of an ISO 9660 image, as absolute paths, sorted.
 *
 * @throws ObError as `makeIso`.
 */
export async function listIso(iso: string, { signal }: ListIsoOptions): Promise<readonly string[]> {
  const { stdout } = await run(["xorriso", "-indev", iso, "-find", "/", "-type", "f", "-exec", "echo"], {
    signal,
  });
  // xorriso puts each path into single quotes.
  const paths = [...stdout.matchAll(/^'(.*)'$/gm)].map(([, path = ""]) => path);
  return paths.toSorted();
}

const sector = 2048;
const firstDescriptor = 16;

/**
 * The volume's name in an ISO 9660 image, also where its files are in UDF, as in Microsoft's.
 *
 * @returns undefined if the file is no such image.
 * @throws ObError `USAGE` if it cannot be read.
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
