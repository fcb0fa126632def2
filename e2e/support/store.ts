import { cp, link, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import path from "node:path";

const repository = path.resolve(import.meta.dirname, "../..");

/** The image that every test is based on. */
export const imageName = "debian-12-amd64";

/** The store with the default image, which `npm test` and `npm run quickstart` set up. */
export const defaultStore = process.env["OB_E2E_STORE"] ?? path.join(repository, ".obuilder/store");

export interface TestStore extends AsyncDisposable {
  readonly directory: string;
  /** A new directory beside the store, for sources and specs. */
  readonly work: string;
}

/** A new store for one test. The named images are hard-linked into it; by default the default one. */
export async function temporaryStore(...names: readonly string[]): Promise<TestStore> {
  const parent = path.join(repository, ".obuilder/e2e");
  await mkdir(parent, { recursive: true });
  const root = await mkdtemp(path.join(parent, "t-"));
  const directory = path.join(root, "store");
  const images = path.join(directory, "base-image");
  // A store that others can open causes a warning, so it has the usual mode.
  await mkdir(images, { recursive: true, mode: 0o700 });
  for (const file of await imageFiles(names.length === 0 ? [imageName] : names)) {
    await link(path.join(defaultStore, "base-image", file), path.join(images, file));
  }
  await cp(path.join(defaultStore, "state/ssh"), path.join(directory, "state/ssh"), { recursive: true });
  const work = path.join(root, "work");
  await mkdir(work);
  return {
    directory,
    work,
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

/** Why an image cannot be tested here; undefined if it can. */
export async function whyWithout(name: string): Promise<string | undefined> {
  if (name === imageName || (await imagesOf(defaultStore)).includes(`${name}.qcow2`)) return undefined;
  return `there is no ${name} in ${defaultStore}; \`npm test\` builds it`;
}

async function imageFiles(names: readonly string[]): Promise<readonly string[]> {
  const files = await imagesOf(defaultStore);
  return names.flatMap((name) => {
    if (files.includes(`${name}.qcow2`)) return files.filter((file) => file.startsWith(`${name}.`));
    throw new Error(`There is no ${name} in ${defaultStore}: run \`npm test\`, which builds it.`);
  });
}

async function imagesOf(store: string): Promise<readonly string[]> {
  return await readdir(path.join(store, "base-image")).catch(() => []);
}
