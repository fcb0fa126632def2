import type { CopySize } from "@ob/builder";
import { formatSize } from "../args/units.ts";
import { printableLine } from "./printable.ts";

/** Lines on what a `copy` takes: how many files and bytes, and the largest files. */
export function copySizeLines({ files, bytes, largest }: CopySize): readonly string[] {
  const total = `${files === 1 ? "1 file" : `${files} files`}, ${formatSize(bytes)}`;
  const sizes = largest.map((file) => formatSize(file.bytes));
  const width = Math.max(0, ...sizes.map((size) => size.length));
  const lines = largest.map(({ path }, index) => `${sizes[index]?.padStart(width)}  ${printableLine(path)}`);
  return files > 1 ? [`${total}; the largest:`, ...lines] : [total, ...lines];
}
