import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { buildImage, imageIsCurrent } from "./build-image.ts";
import type { ImageEvent } from "./progress.ts";
import { storeKey } from "./store-key.ts";

const name = "debian-12-amd64";
let store: string;
beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), "images-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(store, { recursive: true });
});

/** Leaves on PATH only the one program that makes the store's key. */
async function withoutTools(): Promise<void> {
  const bin = join(store, "bin");
  await mkdir(bin);
  await symlink("/usr/bin/ssh-keygen", join(bin, "ssh-keygen"));
  vi.stubEnv("PATH", bin);
}

test("a name without a recipe is refused, with the names that have one", async () => {
  await expect(buildImage({ name: "debian-11", store })).rejects.toMatchObject({
    code: "USAGE",
    hint: expect.stringContaining(name),
  });
});

test("a missing program is found before any work starts, and nothing is left behind", async () => {
  await withoutTools();
  const phases: ImageEvent[] = [];
  const building = buildImage({ name, store }, { onEvent: (event) => phases.push(event) });
  await expect(building).rejects.toMatchObject({
    code: "MISSING_TOOL",
    message: expect.stringMatching(/mmdebstrap/),
  });
  expect(phases).toEqual([]);
  expect(await readdir(join(store, "base-image"))).toEqual([]);
});

test("a build that is cancelled leaves nothing", async () => {
  const building = buildImage({ name, store }, { signal: AbortSignal.abort() });
  await expect(building).rejects.toMatchObject({ code: "CANCELLED" });
  expect(await readdir(join(store, "base-image"))).toEqual([]);
});

test("what a process that died left is removed, and what a living one works on stays", async () => {
  const images = join(store, "base-image");
  // The highest process id that Linux gives is 2^22.
  await mkdir(join(images, ".making-99999999-dead/make"), { recursive: true });
  await mkdir(join(images, `.making-${process.ppid}-alive`));
  await withoutTools();
  await expect(buildImage({ name, store })).rejects.toThrow(/not installed/);
  expect(await readdir(images)).toEqual([`.making-${process.ppid}-alive`]);
});

test("the key is made once, for its owner only, and stays", async () => {
  const { file, publicKey } = await storeKey(store);
  expect(publicKey).toMatch(/^ssh-ed25519 \S+/);
  const contents = await readFile(file, "utf8");
  expect((await storeKey(store)).publicKey).toBe(publicKey);
  expect(await readFile(file, "utf8")).toBe(contents);
});

test("an image that another recipe made, or none, is not current", async () => {
  expect(await imageIsCurrent({ name, store })).toBe(false);
  await storeKey(store);
  await mkdir(join(store, "base-image"));
  await writeFile(join(store, "base-image", `${name}.qcow2`), "");
  const manifest = {
    version: 1,
    guestOs: "linux",
    guestArch: "amd64",
    loginUser: "opam",
    recipe: "0".repeat(64),
  };
  await writeFile(join(store, "base-image", `${name}.json`), JSON.stringify(manifest));
  expect(await imageIsCurrent({ name, store })).toBe(false);
});
