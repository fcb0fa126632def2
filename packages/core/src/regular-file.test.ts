import { execFileSync } from "node:child_process";
import { mkdtempDisposable, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRegularFile } from "./regular-file.ts";

test("a small file is read, by a link too", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "regular-"));
  const [file, link] = [join(directory.path, "file"), join(directory.path, "link")];
  await writeFile(file, "text");
  await symlink("file", link);
  expect((await readRegularFile(link)).toString()).toBe("text");
});

test.each<[string, string, (path: string) => unknown]>([
  ["a pipe without a writer", "not a file", (path) => execFileSync("mkfifo", [path])],
  ["a link to a device", "not a file", (path) => symlink("/dev/zero", path)],
  ["a directory", "not a file", (path) => symlink(".", path)],
  [
    "a huge file",
    "larger than 1 MiB",
    async (path) => {
      await writeFile(path, "");
      await truncate(path, 2 ** 40);
    },
  ],
])("%s is not read", async (_what, message, make) => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "regular-"));
  const path = join(directory.path, "x");
  await make(path);
  await expect(readRegularFile(path)).rejects.toThrow(message);
});
