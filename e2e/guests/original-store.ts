import { copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { build } from "../support/obuilder.ts";
import { defaultStore, type TestStore } from "../support/store.ts";
import { type GuestImageFiles, storeWith } from "./guest-image.ts";
import { oneCpu } from "./guest-simulator.ts";

/** The users of the original had its key as their own; the simulated guests know that of the default image. */
const key = path.join(defaultStore, "state/ssh/id_ed25519");

/** A store as the original has it, with an image of its recipes: no manifest, no key. */
export interface OriginalStore extends AsyncDisposable {
  /** The directory of the sources of `copy`. */
  readonly work: string;
  /** The private key of the guest's user, which is also in the home directory of `build`. */
  readonly key: string;
  /** A path for a file beside the store. */
  beside(name: string): string;
  /** A new disk on the image. */
  overlay(): Promise<string>;
  /** Builds with no other options than the original's command line has, and returns what was printed. */
  build(spec: string): ReturnType<typeof build>;
  /** Makes a disk the only version of a cache, as a user of the original does with that of its Makefile. */
  putCache(name: string, disk: string): Promise<void>;
}

export async function originalStore(image: GuestImageFiles): Promise<OriginalStore> {
  const store: TestStore = await storeWith(image);
  const beside = (name: string): string => path.join(path.dirname(store.work), name);
  await rm(path.join(store.directory, "state"), { recursive: true });
  await mkdir(beside("home/.ssh"), { recursive: true, mode: 0o700 });
  await copyFile(key, beside("home/.ssh/id_ed25519"));
  const [disk = ""] = image.files;
  return {
    ...{ work: store.work, key, beside },
    overlay: async () => {
      const overlay = beside(`${crypto.randomUUID()}.qcow2`);
      await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", disk, "-F", "qcow2", overlay]);
      return overlay;
    },
    build: (spec) =>
      build(store, spec, {
        flags: ["-v", ...oneCpu, "--qemu-guest-os", image.os],
        env: { HOME: beside("home"), SSH_AUTH_SOCK: undefined },
        hostLoopback: false,
      }),
    putCache: async (name, file) => {
      const directory = path.join(store.directory, "cache", `c-${name}`, "rootfs");
      await mkdir(directory, { recursive: true });
      await copyFile(file, path.join(directory, "image.qcow2"));
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** A tar archive of files and links below `directory`, which is made. The values are contents, or targets after `->`. */
export async function archiveOf(
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  for (const [name, contents] of Object.entries(files)) {
    const file = path.join(directory, name);
    await mkdir(path.dirname(file), { recursive: true });
    await (contents.startsWith("->") ? symlink(contents.slice(2), file) : writeFile(file, contents));
  }
  const archive = `${directory}.tar`;
  await run(["tar", "-C", directory, "-cf", archive, "--owner=1000", "--group=1000", ...Object.keys(files)]);
  return await readFile(archive);
}
