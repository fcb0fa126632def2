import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseImageManifest, run, storeLayout } from "@ob/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildImage, imageIsCurrent } from "./build-image.ts";
import { readManifest } from "../recipe/provenance.ts";
import { defineRecipe, type RecipeContext } from "../recipe/recipe.ts";
import { makeStaging } from "./staging.ts";
import { storeKey } from "./store-key.ts";
import { scriptedTools } from "../testing/scripted-tools.ts";

let store: string;
beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), "images-"));
});
afterEach(async () => {
  await rm(store, { recursive: true });
});

/** A recipe that writes a few bytes, with a request and tools to build it. */
function smallImage(work: (context: RecipeContext) => Promise<void> = async () => undefined) {
  const recipe = defineRecipe({
    name: "small",
    guestOs: "linux",
    guestArch: "amd64",
    supports: { packages: { from: "nowhere" } },
    make: async (context) => {
      const disk = join(context.directory, "disk.qcow2");
      await run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"]);
      await work(context);
      return { disk, virtualSize: 2 ** 20, readyMarker: true, snapshotPoints: ["ready"] };
    },
  });
  const parameters = {
    ...{ ocaml: undefined, diskSize: 2 ** 20, user: "opam", packages: [], iso: undefined },
    from: new Map<string, string>(),
  };
  return { planned: { recipe, folder: undefined, name: "small", parameters }, tools: scriptedTools(store) };
}

const namesIn = async (): Promise<readonly string[]> => (await readdir(join(store, "base-image"))).toSorted();

test("an image is published with a manifest after its smoke test", async () => {
  const { planned, tools } = smallImage();
  const manifest = await buildImage(planned, tools);
  expect(tools.said).toContain("sudo needs no password");
  expect(tools.booted[0]?.image.manifest).toMatchObject({ loginUser: "opam", guestOs: "linux" });
  expect(await namesIn()).toEqual(["small.json", "small.qcow2"]);
  const text = await readFile(join(store, "base-image/small.json"), "utf8");
  expect(parseImageManifest(text, "small.json")).toEqual(manifest);
  expect(await imageIsCurrent(planned, store)).toBe(true);
  const other = { ...planned, parameters: { ...planned.parameters, packages: ["git"] } };
  expect(await imageIsCurrent(other, store)).toBe(false);
});

test("an image with a manifest of version 1 stays up to date", async () => {
  const { planned, tools } = smallImage();
  const manifest = await buildImage(planned, tools);
  const file = join(store, "base-image/small.json");
  const written: unknown = JSON.parse(await readFile(file, "utf8"));
  expect(written).toMatchObject({ version: 2, readyMarker: true, snapshotPoints: ["ready"] });
  const { readyMarker, snapshotPoints, ...common } = Object.assign({}, manifest, written);
  const old = { ...common, version: 1, announcesReady: readyMarker, resumes: snapshotPoints };
  await writeFile(file, JSON.stringify(old));
  expect(await imageIsCurrent(planned, store)).toBe(true);
  expect((await readManifest(join(store, "base-image"), "small"))?.manifest).toEqual(manifest);
});

test("an image that fails a check is not published, and the previous one is kept", async () => {
  const { planned, tools } = smallImage();
  await buildImage(planned, tools);
  const before = await readFile(join(store, "base-image/small.json"), "utf8");
  const failing = scriptedTools(store, { failing: "tar --version" });
  await expect(buildImage(planned, failing)).rejects.toMatchObject({
    code: "BASE_IMAGE",
    message: expect.stringContaining("tar is GNU tar"),
  });
  expect(await namesIn()).toEqual(["small.json", "small.qcow2"]);
  expect(await readFile(join(store, "base-image/small.json"), "utf8")).toBe(before);
});

test("a missing program is reported before any work starts, and no files remain", async () => {
  const { planned, tools } = smallImage();
  const recipe = { ...planned.recipe, tools: ["no-such-program"] };
  await expect(buildImage({ ...planned, recipe }, tools)).rejects.toMatchObject({
    code: "MISSING_TOOL",
    message: expect.stringMatching(/no-such-program/),
  });
  expect(tools.said).toEqual([]);
  await expect(namesIn()).rejects.toThrow("ENOENT");
});

test("a cancelled build leaves no files, and a second build succeeds", async () => {
  const controller = new AbortController();
  const { planned, tools } = smallImage(async () => controller.abort());
  const building = buildImage(planned, { ...tools, signal: controller.signal });
  await expect(building).rejects.toMatchObject({ code: "CANCELLED" });
  expect(await namesIn()).toEqual([]);
  const again = smallImage();
  await buildImage(again.planned, again.tools);
  expect(await namesIn()).toEqual(["small.json", "small.qcow2"]);
});

test("a full disk is reported as NO_SPACE with a hint", async () => {
  const { planned, tools } = smallImage(async () => {
    throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
  });
  await expect(buildImage(planned, tools)).rejects.toMatchObject({
    code: "NO_SPACE",
    hint: expect.stringContaining("Free some space"),
  });
});

test("no private key gets into the store's images, and the recipe gets a path for the console log", async () => {
  const seen: RecipeContext[] = [];
  const { planned, tools } = smallImage(async (context) => void seen.push(context));
  await buildImage(planned, tools);
  const [context] = seen;
  expect(context?.publicKey).toMatch(/^ssh-ed25519 /);
  expect(context?.sshKey).toBe(join(store, "state/ssh/id_ed25519"));
  expect(context?.consoleLog).toBe(join(store, "state/image-logs/small.console"));
  const manifest = await readFile(join(store, "base-image/small.json"), "utf8");
  expect(manifest).not.toContain("PRIVATE");
});

test("files of a dead process are removed, those of a running process are kept", async () => {
  const images = join(store, "base-image");
  const layout = storeLayout(store);
  await mkdir(join(images, `.staging-${randomUUID()}`, "make"), { recursive: true });
  await using running = await makeStaging(layout.sshKeys, layout);
  await mkdir(join(layout.sshKeys, `.staging-${randomUUID()}`));
  await writeFile(join(layout.locks, `staging-${randomUUID()}`), "");
  // Linux's highest possible process id is 2^22.
  await mkdir(join(images, ".making-99999999-dead/make"), { recursive: true });
  await mkdir(join(images, `.making-${process.ppid}-alive`));
  const { planned, tools } = smallImage();
  await buildImage(planned, tools);
  expect(await namesIn()).toEqual([`.making-${process.ppid}-alive`, "small.json", "small.qcow2"]);
  // That of the running process is removed when it ends.
  expect(await readdir(layout.locks)).toEqual([basename(running.path).slice(1)]);
  const keys = [basename(running.path), "id_ed25519", "id_ed25519.pub"];
  expect((await readdir(layout.sshKeys)).toSorted()).toEqual(keys);
  // As a process leaves it that is killed as it makes the key.
  await rm(join(layout.sshKeys, "id_ed25519.pub"));
  await buildImage(planned, tools);
  const { publicKey } = await storeKey(store);
  expect(await readFile(join(layout.sshKeys, "id_ed25519.pub"), "utf8")).toBe(`${publicKey}\n`);
});

test("an image gets a key of its own, and that of the image it replaces goes", async () => {
  const { planned, tools } = smallImage();
  await buildImage(planned, tools);
  for (const name of [
    "small.key",
    "small.kernel",
    "small.0123456789ab.initrd",
    "small.other.key",
    "smaller.key",
  ])
    await writeFile(join(store, "base-image", name), "");
  await buildImage(planned, tools);
  expect(await namesIn()).toEqual(["small.json", "small.other.key", "small.qcow2", "smaller.key"]);
});

test("the key is created once, readable by its owner only, and kept", async () => {
  const { file, publicKey } = await storeKey(store);
  expect(publicKey).toMatch(/^ssh-ed25519 \S+/);
  const contents = await readFile(file, "utf8");
  expect((await storeKey(store)).publicKey).toBe(publicKey);
  expect(await readFile(file, "utf8")).toBe(contents);
});

test("concurrent creations of the key return the same key", async () => {
  const [one, other] = await Promise.all([storeKey(store), storeKey(store)]);
  expect(one.publicKey).toBe(other.publicKey);
  expect(await readdir(join(store, "state/ssh"))).toEqual(["id_ed25519", "id_ed25519.pub"]);
});
