import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rename, rm } from "node:fs/promises";
import {
  exists,
  isFile,
  parseImageManifest,
  sha256,
  sha256File,
  type StoreLayout,
  type StorePath,
  within,
} from "@ob/core";
import { type Lock, type LockMode, waitForLock } from "./file-lock.ts";
import { syncPath } from "./fsync.ts";

/*
 * A base image is two files: its disk, and the manifest that describes it. No file system replaces both at once, so the new
 * manifest waits beside the old one, as `.NAME.json.next`, while the disk is replaced. Whoever finds it, and that nobody is
 * replacing the image, completes what was begun: the waiting manifest takes the old one's place if the disk is the one that it
 * describes, and is removed otherwise. So after a crash at any point an image is the old one or the new one.
 */

const waiting = /^\.(.+)\.json\.next$/;

/** Files of a new image, complete, and on the file system of the store's images. */
export interface NewImage {
  /** Absolute path of the disk. */
  readonly disk: string;
  /** Absolute path of the manifest, whose `sha256` is that of the disk. */
  readonly manifest: string;
}

/**
 * Keeps an image as it is (`shared`), or keeps others from reading it while it is replaced (`exclusive`). A replacement that a
 * killed process has begun is completed first.
 *
 * @throws ObError `CANCELLED`
 */
export async function lockImage(
  layout: StoreLayout,
  name: string,
  { mode, signal }: { readonly mode: LockMode; readonly signal?: AbortSignal | undefined },
): Promise<Lock> {
  await mkdir(layout.locks, { recursive: true, mode: 0o700 });
  for (;;) {
    const isBegun = existsSync(nextManifest(layout, name));
    const lock = await waitForLock(lockOf(layout, name), isBegun ? "exclusive" : mode, signal);
    try {
      // Nobody begins a replacement while this lock is held, in whatever mode.
      if (!existsSync(nextManifest(layout, name))) {
        if (lock.mode === mode) return lock;
      } else if (lock.mode === "exclusive") await complete(layout, name);
    } catch (error) {
      lock.release();
      throw error;
    }
    lock.release();
  }
}

/** Replaces an image, or adds it: after a crash at any point there is the old one or the new one. */
export async function replaceImage(
  layout: StoreLayout,
  name: string,
  { disk, manifest, signal }: NewImage & { readonly signal?: AbortSignal | undefined },
): Promise<void> {
  for (const file of [disk, manifest]) await syncPath(file);
  using lock = await lockImage(layout, name, { mode: "exclusive", signal });
  void lock;
  const { baseImages } = layout;
  try {
    await rename(manifest, nextManifest(layout, name));
    await syncPath(baseImages);
    await rename(disk, within(baseImages, `${name}.qcow2`));
    await syncPath(baseImages);
    await rename(nextManifest(layout, name), within(baseImages, `${name}.json`));
    await syncPath(baseImages);
  } catch (error) {
    await complete(layout, name);
    throw error;
  }
}

/** Completes every replacement that a killed process has begun. */
export async function completeReplacements(layout: StoreLayout): Promise<void> {
  const names = await readdir(layout.baseImages).catch(() => []);
  for (const file of names) {
    const name = waiting.exec(file)?.[1];
    if (name !== undefined) (await lockImage(layout, name, { mode: "shared" })).release();
  }
}

async function complete(layout: StoreLayout, name: string): Promise<void> {
  const next = nextManifest(layout, name);
  const disk = within(layout.baseImages, `${name}.qcow2`);
  if (!(await exists(next))) return;
  const isOfDisk = (await isFile(disk)) && (await describedDisk(next)) === (await sha256File(disk));
  if (isOfDisk) await rename(next, within(layout.baseImages, `${name}.json`));
  else await rm(next, { force: true });
  await syncPath(layout.baseImages);
}

/** The sha256 that a manifest gives its disk; undefined if it cannot be read. */
async function describedDisk(file: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8");
  try {
    return parseImageManifest(text, file).sha256;
  } catch {
    return undefined;
  }
}

function nextManifest({ baseImages }: StoreLayout, name: string): StorePath {
  return within(baseImages, `.${name}.json.next`);
}

function lockOf({ locks }: StoreLayout, name: string): StorePath {
  return within(locks, `image-${sha256(name)}`);
}
