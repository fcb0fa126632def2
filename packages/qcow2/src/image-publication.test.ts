import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256, storeLayout } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { completeReplacements, lockImage, replaceImage } from "./image-publication.ts";

let directory = "";
const layout = () => storeLayout(directory);
const image = (name: string): string => join(layout().baseImages, name);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "publication-"));
  await mkdir(layout().baseImages);
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const manifestOf = (disk: string): string =>
  JSON.stringify({ version: 2, guestOs: "linux", guestArch: "amd64", loginUser: "me", sha256: sha256(disk) });

/** The store's image, with the disk and with the manifest of the given ones. */
async function put(disk: string, described: string): Promise<void> {
  await writeFile(image("a.qcow2"), disk);
  await writeFile(image("a.json"), manifestOf(described));
}

async function seen(): Promise<readonly string[]> {
  const manifest = JSON.parse(await readFile(image("a.json"), "utf8"));
  return [await readFile(image("a.qcow2"), "utf8"), manifest.sha256];
}

async function replace(disk: string): Promise<void> {
  const files = { disk: image(".new"), manifest: image(".new.json") };
  await writeFile(files.disk, disk);
  await writeFile(files.manifest, manifestOf(disk));
  await replaceImage(layout(), "a", files);
}

describe("an image that is replaced", () => {
  it("has the new disk and its manifest, and nothing else is left", async () => {
    await put("old", "old");
    await replace("new");
    expect(await seen()).toEqual(["new", sha256("new")]);
    expect((await readdir(directory, { recursive: true })).toSorted()).toEqual(
      ["base-image", "base-image/a.json", "base-image/a.qcow2", "state", "state/locks"].toSorted(),
    );
  });

  it("waits until nobody reads it", async () => {
    await put("old", "old");
    const lock = await lockImage(layout(), "a", { mode: "shared" });
    const replacing = replace("new");
    const other = await lockImage(layout(), "b", { mode: "shared" });
    other.release();
    expect(await seen()).toEqual(["old", sha256("old")]);
    lock.release();
    await replacing;
    expect(await seen()).toEqual(["new", sha256("new")]);
  });

  it("stays the old one if the new disk cannot take its place", async () => {
    await put("old", "old");
    const manifest = image(".new.json");
    await writeFile(manifest, manifestOf("new"));
    await writeFile(image(".new"), "new");
    await rm(image("a.qcow2"));
    await mkdir(image("a.qcow2"));
    await expect(replaceImage(layout(), "a", { disk: image(".new"), manifest })).rejects.toThrow("EISDIR");
    expect(await readFile(image("a.json"), "utf8")).toBe(manifestOf("old"));
    expect(await readdir(layout().baseImages)).not.toContain(".a.json.next");
  });
});

describe("a process that was killed", () => {
  it("after the disk was replaced has its manifest put in place by whoever reads the image next", async () => {
    await put("new", "old");
    await writeFile(image(".a.json.next"), manifestOf("new"));
    (await lockImage(layout(), "a", { mode: "shared" })).release();
    expect(await seen()).toEqual(["new", sha256("new")]);
    expect((await readdir(layout().baseImages)).toSorted()).toEqual(["a.json", "a.qcow2"]);
  });

  it("before that leaves the old image", async () => {
    await put("old", "old");
    await writeFile(image(".a.json.next"), manifestOf("new"));
    await completeReplacements(layout());
    expect(await seen()).toEqual(["old", sha256("old")]);
    expect((await readdir(layout().baseImages)).toSorted()).toEqual(["a.json", "a.qcow2"]);
  });

  it("leaves no manifest that is not one, and none without a disk", async () => {
    await writeFile(image(".a.json.next"), "{");
    await writeFile(image(".b.json.next"), manifestOf("b"));
    await writeFile(image("a.qcow2"), "a");
    await completeReplacements(layout());
    expect(await readdir(layout().baseImages)).toEqual(["a.qcow2"]);
  });
});
