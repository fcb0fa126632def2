import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { imageFile, readImageText } from "./image-files.ts";

let root: string;
let images: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "image-files-"));
  images = join(root, "images");
  await mkdir(join(images, "sub"), { recursive: true });
  await writeFile(join(root, "outside"), "");
  await writeFile(join(images, "kernel"), "");
});
afterEach(() => rm(root, { recursive: true }));

test("a file beside the manifest is found, by links inside its directory too", async () => {
  await symlink("../kernel", join(images, "sub/link"));
  for (const name of ["kernel", "sub/link", "..kernel", "missing"]) {
    expect(await imageFile(images, name)).toBe(join(images, name));
  }
});

test("a directory that is a link itself is as good as another", async () => {
  await symlink(images, join(root, "by-link"));
  expect(await imageFile(join(root, "by-link"), "kernel")).toBe(join(root, "by-link/kernel"));
});

test.each(["link", "links/outside", "chain", "../outside", ".."])("%s leads out", async (name) => {
  await symlink("../outside", join(images, "link"));
  await symlink(root, join(images, "links"));
  await symlink("links/images/../outside", join(images, "chain"));
  await expect(imageFile(images, name)).rejects.toMatchObject({
    code: "BASE_IMAGE",
    message: expect.stringContaining("leads out"),
  });
});

test.each<[string, (path: string) => unknown]>([
  ["a pipe", (path) => execFileSync("mkfifo", [path])],
  ["a directory", (path) => mkdir(path)],
  ["a link to itself", (path) => symlink("odd", path)],
])("%s is not a file of an image", async (_what, make) => {
  const path = join(images, "odd");
  await make(path);
  const refused = { code: "BASE_IMAGE", message: expect.stringContaining(`${path} cannot be read`) };
  await expect(imageFile(images, "odd")).rejects.toMatchObject(refused);
  await expect(readImageText(path)).rejects.toMatchObject(refused);
});
