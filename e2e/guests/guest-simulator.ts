import { cp, link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { isFile, parseImageManifest } from "@ob/core";
import { execa } from "execa";
import { build, builtId } from "../support/obuilder.ts";
import { defaultStore, imageName, type TestStore } from "../support/store.ts";
import { type GuestImageFiles, imagesIn } from "./guest-image.ts";

/** Linux guests that simulate another system's commands. */
export const simulators = {
  openbsd: { packages: ["mksh", "opendoas"], modules: [] },
  // In this order: each module needs the previous ones.
  windows: { packages: [], modules: ["scsi_common", "scsi_mod", "libata", "ata_piix", "cdrom", "sr_mod"] },
} as const;

/** Two simulated guests run at once; with more processors each, they would only wait for each other. */
export const oneCpu = ["--qemu-cpus", "1"];

export type SimulatedOs = keyof typeof simulators;

const directory = path.resolve(import.meta.dirname, "../../.obuilder/simulator");

/**
 * `foreign`: an image with a manifest, whose system is set up as unlike the original's images as it can be.
 * `original`: as the recipes of the original make it, without a manifest.
 */
export type SimulatedShape = "foreign" | "original";

/**
 * Builds such a guest from the default image with obuilder, and makes a base image of it. It boots from its own disk and cannot
 * be resumed, as the real systems. Its store is kept, so that a second run finds the layers there.
 */
export async function simulatorImage(
  os: SimulatedOs,
  shape: SimulatedShape = "foreign",
): Promise<GuestImageFiles> {
  await using store = await simulatorStore(os);
  const source = path.join(store.work, "source");
  await rm(source, { recursive: true, force: true });
  await cp(path.join(import.meta.dirname, "simulator", os), path.join(source, "files"), {
    recursive: true,
  });
  await addPackages(os, path.join(source, "files"));
  await addModules(os, path.join(source, "files"));
  const install = shape === "foreign" ? "./install" : "./install && ./install-original";
  const built = await build(
    store,
    `((from ${imageName})
      (user (uid 0) (gid 0))
      (copy (src files) (dst /opt/simulator))
      (workdir /opt/simulator)
      (run (shell "${install}")))`,
    { source, flags: oneCpu },
  );
  if (built.exitCode !== 0) throw new Error(`The guest with ${os}'s commands was not built:\n${built.all}`);
  const disk = await flatten(store, { os, id: builtId(built.all) });
  return shape === "foreign" ? await withManifest(store, { os, disk }) : { os, loginUser: "opam", ...disk };
}

/** A persistent store with the current default image. */
async function simulatorStore(os: SimulatedOs): Promise<TestStore> {
  const at = path.join(directory, os, "store");
  const work = path.join(directory, os, "work");
  const images = path.join(at, "base-image");
  await mkdir(images, { recursive: true });
  await mkdir(work, { recursive: true });
  const from = path.join(defaultStore, "base-image");
  for (const file of (await readdir(from)).filter((name) => name.startsWith(`${imageName}.`))) {
    await rm(path.join(images, file), { force: true });
    await link(path.join(from, file), path.join(images, file));
  }
  await cp(path.join(defaultStore, "state/ssh"), path.join(at, "state/ssh"), { recursive: true });
  return { directory: at, work, [Symbol.asyncDispose]: () => Promise.resolve() };
}

async function addPackages(os: SimulatedOs, target: string): Promise<void> {
  for (const name of simulators[os].packages) {
    const file = await packageFile(name);
    await cp(file, path.join(target, path.basename(file)));
  }
}

/** Adds modules of the image's kernel that the image itself does not include. */
async function addModules(os: SimulatedOs, target: string): Promise<void> {
  const { modules } = simulators[os];
  if (modules.length === 0) return;
  const images = path.join(defaultStore, "base-image");
  const manifest = path.join(images, `${imageName}.json`);
  const { directBoot } = parseImageManifest(await readFile(manifest, "utf8"), manifest);
  const kernel = await readFile(path.join(images, directBoot?.kernel ?? ""), "latin1");
  const version = /Linux version (\S+)/.exec(kernel)?.[1];
  const file = await packageFile(`linux-image-${version}`);
  const unpacked = path.join(target, "modules");
  await mkdir(unpacked, { recursive: true });
  const archive = path.join(unpacked, "kernel.tar");
  await execa("dpkg-deb", ["--fsys-tarfile", file], { stdout: { file: archive }, buffer: false });
  const names = modules.map((name) => `*/${name}.ko`);
  await execa("tar", ["-xf", archive, "-C", unpacked, "--transform", "s,.*/,,", "--wildcards", ...names]);
  await rm(archive);
  await writeFile(path.join(unpacked, "order"), modules.map((name) => `${name}.ko\n`).join(""));
}

/** A package of the image's Debian release. On a Debian host apt finds it; it is downloaded once. */
async function packageFile(name: string): Promise<string> {
  const kept = path.join(directory, "packages");
  await mkdir(kept, { recursive: true });
  const found = async (): Promise<string | undefined> =>
    (await readdir(kept)).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
  if ((await found()) === undefined) await execa("apt-get", ["download", "-q", name], { cwd: kept });
  const file = await found();
  if (file === undefined) throw new Error(`apt-get brought no ${name}`);
  return path.join(kept, file);
}

type Disk = Pick<GuestImageFiles, "name" | "files">;

/** Makes an image of a layer, unless it is there. */
async function flatten(
  { directory: at }: Pick<TestStore, "directory">,
  { os, id }: { readonly os: SimulatedOs; readonly id: string },
): Promise<Disk> {
  const name = `${os}-simulator-${id.slice(0, 12)}`;
  const disk = path.join(at, "base-image", `${name}.qcow2`);
  if (!(await isFile(disk))) {
    const layer = path.join(at, "result", id, "rootfs/image.qcow2");
    await execa("qemu-img", ["convert", "-O", "qcow2", layer, `${disk}.new`]);
    await rename(`${disk}.new`, disk);
  }
  return { name, files: [disk] };
}

async function withManifest(
  store: Pick<TestStore, "directory">,
  { os, disk: { name } }: { readonly os: SimulatedOs; readonly disk: Disk },
): Promise<GuestImageFiles> {
  const images = path.join(store.directory, "base-image");
  const file = path.join(images, `${imageName}.json`);
  const {
    sha256: _sha256,
    directBoot: _directBoot,
    snapshotPoints: _snapshotPoints,
    ...manifest
  } = parseImageManifest(await readFile(file, "utf8"), file);
  await writeFile(path.join(images, `${name}.json`), JSON.stringify({ ...manifest, name, guestOs: os }));
  const image = (await imagesIn(images)).find((each) => each.name === name);
  if (!image) throw new Error(`${name} is not in ${images}`);
  return image;
}
