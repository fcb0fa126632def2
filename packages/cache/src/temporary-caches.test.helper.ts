import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CacheRequest, run } from "@ob/core";
import { type CacheOptions, type DiskCaches, openCaches } from "./cache-store.ts";

/** Caches in a new directory, for one test. */
export interface TemporaryCaches extends AsyncDisposable {
  readonly directory: string;
  readonly caches: DiskCaches;
}

export async function temporaryCaches(
  options: Omit<CacheOptions, "directory"> & { prepare?: (directory: string) => Promise<void> } = {},
): Promise<TemporaryCaches> {
  const { prepare, ...cacheOptions } = options;
  const directory = await mkdtemp(join(tmpdir(), "ob-caches-"));
  await prepare?.(directory);
  const caches = await openCaches({ directory, ...cacheOptions });
  return {
    directory,
    caches,
    async [Symbol.asyncDispose]() {
      await caches[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function request(name: string, more: Partial<CacheRequest> = {}): CacheRequest {
  return { name, fileSystem: "ext4", sharing: "shared", ...more };
}

/** A step that fills 64 KiB of the cache's disk with a byte, outside of the file system's structures. */
export async function writePattern(
  disk: string,
  { fill, megabyte }: { fill: number; megabyte: number },
): Promise<void> {
  await run(["qemu-io", "-f", "qcow2", "-c", `write -P ${fill} ${megabyte}M 64k`, disk]);
}

export async function hasPattern(
  disk: string,
  { fill, megabyte }: { fill: number; megabyte: number },
): Promise<boolean> {
  const { stdout } = await run([
    "qemu-io",
    "-r",
    "-f",
    "qcow2",
    "-c",
    `read -P ${fill} ${megabyte}M 64k`,
    disk,
  ]);
  return !stdout.includes("Pattern verification failed");
}
