import { appendFile, chmod, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { exists, fileIdentity, findProgram, isFile, isUnchanged } from "./fs.ts";

let directory: string;
const at = (name: string): string => join(directory, name);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-fs-"));
  await writeFile(at("file"), "contents");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

test("files and directories exist; a link to nothing and what is below a file do not", async () => {
  await symlink("nothing", at("link"));
  const names = ["file", ".", "link", "file/below", "other"];
  await expect(Promise.all(names.map((name) => exists(at(name))))).resolves.toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("a directory is not a file", async () => {
  const names = ["file", ".", "other", "file/below"];
  await expect(Promise.all(names.map((name) => isFile(at(name))))).resolves.toEqual([
    true,
    false,
    false,
    false,
  ]);
});

describe("the identity of a file", () => {
  test("stays when the file is renamed", async () => {
    const { id } = await fileIdentity(at("file"));
    await rename(at("file"), at("renamed"));
    await expect(isUnchanged({ path: at("renamed"), id })).resolves.toBe(true);
    await expect(isUnchanged({ path: at("file"), id })).resolves.toBe(false);
  });

  test("is another once the file is written to, or replaced by one like it", async () => {
    const before = await fileIdentity(at("file"));
    await writeFile(at("copy"), "contents");
    await appendFile(at("file"), "x");
    await expect(isUnchanged(before)).resolves.toBe(false);
    await rename(at("copy"), at("file"));
    await expect(isUnchanged(before)).resolves.toBe(false);
  });
});

describe("findProgram", () => {
  test("finds the first program on PATH that may be run", async () => {
    vi.stubEnv("PATH", [at("no-such"), directory, "/bin"].join(delimiter));
    await expect(findProgram("file")).resolves.not.toBe(at("file"));
    await chmod(at("file"), 0o700);
    await expect(findProgram("file")).resolves.toBe(at("file"));
    await expect(findProgram("ob-no-such-program")).resolves.toBeUndefined();
  });

  test("looks where an ordinary user's PATH has nothing, as `run` does", async () => {
    vi.stubEnv("PATH", directory);
    await expect(findProgram("mke2fs")).resolves.toMatch(/sbin\/mke2fs$/);
  });
});
