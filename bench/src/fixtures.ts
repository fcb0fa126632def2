import { access, cp, link, mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Bench } from "./bench.ts";

/** The base image of measurements that name no other. */
export const imageName = "debian-12-amd64";
/** The base image of those on a guest with systemd. */
export const systemdImage = "debian-12-amd64-systemd";

/** @throws Error if the base image is missing. */
export async function checkImage(imageStore: string, name = imageName): Promise<void> {
  const image = path.join(imageStore, "base-image", `${name}.qcow2`);
  const how = name === imageName ? "npm run quickstart" : `obuilder image build ${name}`;
  await access(image).catch(() => {
    throw new Error(`There is no ${image}: run \`${how}\`, which makes it.`);
  });
}

/** Creates a store with a hard link to the base image and no layers. */
export async function newStore(bench: Bench, name = imageName): Promise<string> {
  const directory = path.join(bench.directory, `store-${crypto.randomUUID().slice(0, 8)}`);
  const images = path.join(directory, "base-image");
  await mkdir(images, { recursive: true });
  const from = path.join(bench.imageStore, "base-image");
  for (const file of await readdir(from)) {
    if (file.startsWith(`${name}.`)) await link(path.join(from, file), path.join(images, file));
  }
  await cp(path.join(bench.imageStore, "state/ssh"), path.join(directory, "state/ssh"), { recursive: true });
  return directory;
}

/** Path of the login key of a store's guests. */
export function keyOf(store: string): string {
  return path.join(store, "state/ssh/id_ed25519");
}

export interface TreeOptions {
  readonly files: number;
  /** Size of each file in bytes. */
  readonly size: number;
}

/** Creates a source directory with new, incompressible files. */
export async function newTree(bench: Bench, { files, size }: TreeOptions): Promise<string> {
  const directory = path.join(bench.directory, `tree-${crypto.randomUUID().slice(0, 8)}`);
  await mkdir(directory);
  for (let file = 0; file < files; file++) {
    const folder = path.join(directory, `d${Math.floor(file / 100)}`);
    if (file % 100 === 0) await mkdir(folder);
    await writeFile(path.join(folder, `f${file}`), randomBytes(size));
  }
  return directory;
}

function randomBytes(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let start = 0; start < size; start += 65_536) {
    crypto.getRandomValues(bytes.subarray(start, Math.min(size, start + 65_536)));
  }
  return bytes;
}
