import { copyFile, link, mkdir, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { guestOsNames, type ImageManifest, type KnownGuestOs, parseImageManifest } from "@ob/core";
import { temporaryStore, type TestStore } from "../support/store.ts";

/** A base image that the conformance tests run on. */
export interface GuestImageFiles {
  readonly name: string;
  readonly os: KnownGuestOs;
  readonly loginUser: string;
  /** The files of the image: disk, manifest, and those that the manifest names. */
  readonly files: readonly string[];
}

/** Finds `NAME.qcow2` with `NAME.json` in a directory. */
export async function imagesIn(directory: string): Promise<readonly GuestImageFiles[]> {
  const entries = await readdir(directory);
  const names = entries.filter((file) => file.endsWith(".json")).map((file) => path.basename(file, ".json"));
  return await Promise.all(
    names.filter((name) => entries.includes(`${name}.qcow2`)).map((name) => imageIn(directory, name)),
  );
}

async function imageIn(directory: string, name: string): Promise<GuestImageFiles> {
  const file = path.join(directory, `${name}.json`);
  const manifest = parseImageManifest(await readFile(file, "utf8"), file);
  const os = guestOsNames.find((known) => known === manifest.guestOs);
  if (os === undefined)
    throw new Error(`${file} has the guestOs ${manifest.guestOs}, which no dialect is for`);
  const files = [`${name}.qcow2`, `${name}.json`, ...namedFiles(manifest)];
  return {
    name,
    os,
    loginUser: manifest.loginUser,
    files: files.map((each) => path.join(directory, each)),
  };
}

function namedFiles({ directBoot, sshKey }: ImageManifest): readonly string[] {
  return [directBoot?.kernel, directBoot?.initrd, sshKey].filter((file) => file !== undefined);
}

/** A new store with the given image, beside the default one. */
export async function storeWith(image: GuestImageFiles): Promise<TestStore> {
  const store = await temporaryStore();
  const [disk = ""] = image.files;
  const target = path.join(store.directory, "base-image");
  for (const file of image.files) {
    const at = path.join(target, path.relative(path.dirname(disk), file));
    await mkdir(path.dirname(at), { recursive: true });
    // The existing file is a hard link to the default image's: it must not be overwritten.
    await rm(at, { force: true });
    // Hard links do not work across file systems.
    await link(file, at).catch(() => copyFile(file, at));
  }
  return store;
}
