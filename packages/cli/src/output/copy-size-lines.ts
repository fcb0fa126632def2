import type { CopySize } from "@ob/builder";
import { formatSize } from "../args/units.ts";

/** Lines on what a `copy` takes: how many files and bytes, and the largest files. */
export function copySizeLines({ files, bytes, largest }: CopySize): readonly string[] {
  const total = `${files === 1 ? "1 file" : `${files} files`}, ${formatSize(bytes)}`;
  const sizes = largest.map((file) => formatSize(file.bytes));
  const width = Math.max(0, ...sizes.map((size) => size.length));
  const lines = largest.map(({ path }, index) => `${sizes[index]?.padStart(width)}  ${printablePath(path)}`);
  return files > 1 ? [`${total}; the largest:`, ...lines] : [total, ...lines];
}

/** A file name as text that cannot drive a terminal. */
function printablePath(path: string): string {
  if (!/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(path)) return path;
  const escaped = (character: string) =>
    `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  return path.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escaped);
}
