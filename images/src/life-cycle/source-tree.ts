import { randomFillSync } from "node:crypto";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The names in the build context, each below the directory of its case. */
export const copiedNames = {
  plain: "plain",
  blanks: "with  two blanks & 'quotes'",
  executable: "run.sh",
  long: `${"long-".repeat(40)}name`,
  link: "link to plain",
  empty: "empty",
  foreign: "Größe ✓ 名前",
  large: "random",
  /** More than what is sent through SSH where there is another way. */
  largeBytes: 10_000_000,
} as const;

/** Fills a directory with what the cases copy. */
export async function makeSourceTree(directory: string): Promise<void> {
  const { plain, blanks, executable, long, link, empty, foreign, large, largeBytes } = copiedNames;
  const at = (...parts: readonly string[]): string => join(directory, ...parts);
  await Promise.all(["small", "foreign", "large"].map((name) => mkdir(at(name), { recursive: true })));
  await mkdir(at("small", empty));
  await writeFile(at("small", plain), "the plain file\n");
  await writeFile(at("small", blanks), "the file with blanks\n");
  await writeFile(at("small", executable), "#!/bin/sh\necho the script ran\n", { mode: 0o755 });
  await writeFile(at("small", long), "the long name\n");
  await symlink(plain, at("small", link));
  await writeFile(at("foreign", foreign), "the foreign file\n");
  await writeFile(at("large", large), randomFillSync(Buffer.alloc(largeBytes)));
}
