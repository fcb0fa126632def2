import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fileToKeep } from "./flatten-policy.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-flatten-"));
});
afterEach(async () => await rm(directory, { recursive: true }));

/** Files of so many kilobytes each. */
async function chain(...kilobytes: readonly number[]): Promise<readonly string[]> {
  const files = kilobytes.map((_, index) => join(directory, String(index)));
  for (const [index, file] of files.entries()) {
    await writeFile(file, Buffer.alloc((kilobytes[index] ?? 0) * 1024, 1), { flush: true });
  }
  return files;
}

it.each([
  ["a large file at the bottom", [16, 16, 16, 400], 3],
  ["the first large one of the older half", [16, 16, 400, 16, 2000], 4],
  ["a file in the middle with more than twice as much as those above it", [16, 16, 160, 16], 2],
])("keeps %s", async (_, kilobytes, kept) => {
  await expect(fileToKeep(await chain(...kilobytes))).resolves.toBe(kept);
});

it.each([
  ["all are of a size", [16, 16, 16, 16]],
  ["the large one is in the newer half", [16, 400, 16, 16]],
])("keeps none where %s", async (_, kilobytes) => {
  await expect(fileToKeep(await chain(...kilobytes))).resolves.toBeUndefined();
});
