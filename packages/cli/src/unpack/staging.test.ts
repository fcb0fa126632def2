import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAbandonedName, noopEmit } from "@ob/core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeStaging, stagingName } from "./staging.ts";

const prefix = ".obuilder-cp-";
let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "staging-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** A name of `cp` in a process that has ended. */
async function deadName(): Promise<string> {
  const child = spawn("true");
  await once(child, "close");
  return stagingName().replace(`-${process.pid}-`, `-${child.pid}-`);
}

it("what a killed copy has left is removed by the next one", async () => {
  const dead = join(directory, await deadName());
  await mkdir(join(dead, "a/b"), { recursive: true });
  await writeFile(join(dead, "a/b/file"), "left");
  await symlink("/", join(dead, "a/link"));
  await writeFile(join(directory, await deadName()), "a file");
  await using staging = await makeStaging(directory, noopEmit);
  expect((await readdir(directory)).map((name) => join(directory, name))).toEqual([staging.path]);
  expect((await lstat(staging.path)).mode & 0o777).toBe(0o700);
});

it("what is in use, of another host, or not by this name stays", async () => {
  await using used = await makeStaging(directory, noopEmit);
  const dead = await deadName();
  const names = [
    dead.replace(/-[0-9a-f]{8}-([0-9a-f]{12})$/, "-00000000-$1"),
    ".obuilder-cp-XXXXXX",
    ".obuilder-cp-unknown-0123456789ab",
    `${dead}x`,
  ];
  for (const name of names) await mkdir(join(directory, name));
  await using other = await makeStaging(directory, noopEmit);
  const found = await readdir(directory);
  expect(found.map((name) => join(directory, name))).toEqual(expect.arrayContaining([used.path, other.path]));
  expect(found).toEqual(expect.arrayContaining(names));
});

it("a link of such a name is removed, and not what it leads to", async () => {
  await mkdir(join(directory, "kept"));
  await symlink("kept", join(directory, await deadName()));
  await using staging = await makeStaging(directory, noopEmit);
  expect((await readdir(directory)).length).toBe(2);
  expect(await readdir(directory)).toContain("kept");
  expect(staging.path).toContain(directory);
});

it("a later process with the same PID is another one", () => {
  expect(isAbandonedName(stagingName(), prefix)).toBe(false);
  expect(isAbandonedName(stagingName().replace(/^(\.obuilder-cp-\d+-)\d+/, "$11"), prefix)).toBe(true);
});
