import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { assertCleanRoot } from "./ext4-clean.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "root-state-"));
});
afterEach(() => rm(directory, { recursive: true }));

/** A qcow2 disk with an ext4 partition whose superblock is modified by the given debugfs commands. */
async function disk(...commands: readonly string[]): Promise<string> {
  const raw = join(directory, "raw");
  await writeFile(raw, "");
  await truncate(raw, 40 << 20);
  await run(["mke2fs", "-q", "-t", "ext4", "-E", "offset=1048576", raw, "32M"]);
  for (const command of commands) await run(["debugfs", "-w", "-R", command, `${raw}?offset=1048576`]);
  await run(["qemu-img", "convert", "-O", "qcow2", raw, join(directory, "disk")]);
  return join(directory, "disk");
}

const options = (): { raw: string; signal: undefined } => ({ raw: join(directory, "sb"), signal: undefined });

test("a file system that was never mounted is clean", async () => {
  await assertCleanRoot(await disk(), options());
});

test("a file system that was not unmounted is not clean", async () => {
  const unclean = await disk("set_super_value state 0");
  await expect(assertCleanRoot(unclean, options())).rejects.toThrow(/does not leave a clean file system/);
});

test("a file system with a non-empty journal is not clean", async () => {
  const unclean = await disk("feature needs_recovery");
  await expect(assertCleanRoot(unclean, options())).rejects.toThrow(/does not leave a clean file system/);
});
