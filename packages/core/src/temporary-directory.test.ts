import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ownedName } from "./owned-name.ts";
import { makeTemporaryDirectory, partialBeside } from "./temporary-directory.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "owned-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** A name that a process has made which has ended. */
async function deadName(prefix: string): Promise<string> {
  const child = spawn("true");
  await once(child, "close");
  return ownedName(prefix).replace(`-${process.pid}-`, `-${child.pid}-`);
}

it("a temporary directory is private, and gone when it is disposed of", async () => {
  {
    await using made = await makeTemporaryDirectory("layer", directory);
    expect((await lstat(made.path)).mode & 0o777).toBe(0o700);
    await writeFile(join(made.path, "file"), "");
  }
  expect(await readdir(directory)).toEqual([]);
});

it("those that killed processes have left are removed by the next process that makes one; no others, and no link's target", async () => {
  await using used = await makeTemporaryDirectory("layer", directory);
  const dead = await deadName("obuilder-layer-");
  await mkdir(join(directory, dead, "sub"), { recursive: true });
  await mkdir(join(directory, "kept"));
  await symlink("kept", join(directory, await deadName("obuilder-layer-")));
  await mkdir(join(directory, await deadName("obuilder-context-")));
  const other = await deadName("other-context-");
  for (const name of [other, "obuilder-layer-abc", `${dead}x`]) await mkdir(join(directory, name));
  await using next = await makeTemporaryDirectory("layer", directory);
  expect((await readdir(directory)).toSorted()).toEqual(
    ["kept", other, "obuilder-layer-abc", `${dead}x`, basename(used.path), basename(next.path)].toSorted(),
  );
});

it("what a killed process has left beside a target is removed by the next one that writes it", async () => {
  const target = join(directory, "disk.qcow2");
  await writeFile(await partialBeside(target), "in use");
  const other = await deadName(".other.qcow2.partial-");
  for (const name of [await deadName(".disk.qcow2.partial-"), other])
    await writeFile(join(directory, name), "");
  const partial = await partialBeside(target);
  expect(basename(partial)).toMatch(/^\.disk\.qcow2\.partial-/);
  const left = await readdir(directory);
  expect(left).toHaveLength(2);
  expect(left).toContain(other);
  // Of a name of any length there is one.
  await writeFile(await partialBeside(join(directory, "n".repeat(255))), "");
});
