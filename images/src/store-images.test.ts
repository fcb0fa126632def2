import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ImageSpeed, run, sha256 } from "@ob/core";
import { readQcowHeader } from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkStoredImage } from "./check/check-stored-image.ts";
import type { ImageEvent } from "./build/phases.ts";
import { importImage, type ImportRequest } from "./build/import-image.ts";
import { listImages } from "./build/list-images.ts";
import { removeImage } from "./build/remove-image.ts";
import { scriptedTools } from "./testing/scripted-tools.ts";

let directory: string;
let store: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "store-images-"));
  store = join(directory, "store");
});
afterEach(() => rm(directory, { recursive: true }));

const images = (...parts: readonly string[]): string => join(store, "base-image", ...parts);

async function plainDisk(): Promise<string> {
  const disk = join(directory, "disk.qcow2");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "8M"]);
  return disk;
}

async function request(more: Partial<ImportRequest> = {}): Promise<ImportRequest> {
  const file = more.file ?? (await plainDisk());
  return { file, name: "mine", guestOs: "linux", guestArch: "amd64", loginUser: "me", check: true, ...more };
}

describe("an import", () => {
  it("makes a self-contained image with key, kernel and manifest, after a smoke test", async () => {
    const [key, kernel] = [join(directory, "id"), join(directory, "bzImage")];
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
    await writeFile(kernel, "a kernel");
    const tools = scriptedTools(store);
    const manifest = await importImage(await request({ sshKey: key, kernel, append: "quiet" }), tools);
    expect(manifest).toMatchObject({
      name: "mine",
      loginUser: "me",
      sshKey: expect.stringMatching(/^mine\.[0-9a-f]{12}\.key$/),
      virtualSize: 8 << 20,
    });
    expect(await readQcowHeader(images("mine.qcow2"))).toMatchObject({ backing: undefined });
    expect((await stat(images(manifest.sshKey ?? ""))).mode & 0o777).toBe(0o600);
    expect(await readFile(images(manifest.directBoot?.kernel ?? ""), "utf8")).toBe("a kernel");
    expect(tools.said).toContain("boots and accepts the login of me");
    expect(await listImages(store)).toContainEqual(
      expect.objectContaining({ name: "mine", state: "custom" }),
    );
    await removeImage(store, "mine");
    expect(await readdir(images())).toEqual([]);
  });

  it("notes that a guest can be resumed, if its check has shown it", async () => {
    const speed: ImageSpeed = {
      first: { kind: "booted", why: "not-listed" },
      further: { kind: "reused" },
      possiblePoints: ["ready"],
    };
    const tools = scriptedTools(store, { speed });
    const events: ImageEvent[] = [];
    const onEvent = (event: ImageEvent): void => void events.push(event);
    const { snapshotPoints } = await importImage(await request(), { ...tools, onEvent });
    expect(snapshotPoints).toEqual(["ready"]);
    expect(events.filter(({ type }) => type === "speed")).toEqual([
      {
        type: "speed",
        speed: {
          first: { kind: "resumed", points: ["ready"], reseededBy: "seed" },
          further: { kind: "reused" },
          possiblePoints: [],
        },
      },
    ]);
    const booted = await importImage(await request({ name: "slow" }), scriptedTools(store));
    expect(booted).not.toHaveProperty("snapshotPoints");
  });

  it("accepts a raw disk", async () => {
    const file = join(directory, "raw");
    await writeFile(file, Buffer.alloc(1 << 20));
    await importImage(await request({ file, check: false }), scriptedTools(store));
    expect(await readQcowHeader(images("mine.qcow2"))).toMatchObject({ virtualSize: 1 << 20 });
  });

  it("of a guest that lacks a required property leaves no files", async () => {
    const failing = scriptedTools(store, { failing: "command -v bash" });
    await expect(importImage(await request(), failing)).rejects.toMatchObject({
      code: "BASE_IMAGE",
      message: expect.stringContaining("has bash"),
    });
    expect(await readdir(images())).toEqual([]);
  });

  it("reports missing recommended properties as warnings, and succeeds", async () => {
    const tools = scriptedTools(store, { failing: "OBUILDER_CHECK", powerOff: "command" });
    await importImage(await request(), tools);
    expect(tools.said).toEqual(
      expect.arrayContaining([
        "warning: sshd takes environment variables (AcceptEnv)",
        "warning: shuts down cleanly, by poweroff",
      ]),
    );
  });

  it("refuses an invalid disk, key or name", async () => {
    const tools = scriptedTools(store);
    const given = await request();
    await expect(importImage({ ...given, file: "/nowhere" }, tools)).rejects.toMatchObject({ code: "USAGE" });
    await expect(importImage({ ...given, sshKey: given.file }, tools)).rejects.toThrow(/not a private key/);
    await expect(importImage({ ...given, name: "a/b" }, tools)).rejects.toThrow(/cannot be the name/);
    await expect(importImage({ ...given, kernel: "/nowhere" }, tools)).rejects.toThrow(/cannot be read/);
    expect(await readdir(images())).toEqual([]);
  });
});

describe("a replacement that was killed", () => {
  it("is completed: disk, manifest, kernel and key are those of one image", async () => {
    const made = async (content: string) => {
      const [key, kernel] = [join(directory, `${content}.id`), join(directory, `${content}.bzImage`)];
      await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
      await writeFile(kernel, content);
      return await request({ sshKey: key, kernel, append: content, check: false });
    };
    await importImage(await made("old"), scriptedTools(store));
    const old = await readFile(images("mine.json"), "utf8");
    await importImage(await made("new"), scriptedTools(store));
    // As it is before the new manifest takes the place of the old one.
    await rename(images("mine.json"), images(".mine.json.next"));
    await writeFile(images("mine.json"), old);
    const [listed] = await listImages(store);
    expect(listed).toMatchObject({ name: "mine", state: "custom" });
    const manifest = JSON.parse(await readFile(images("mine.json"), "utf8"));
    expect(manifest.directBoot.commandLine).toBe("new");
    expect(await readFile(images(manifest.directBoot.kernel), "utf8")).toBe("new");
    const key = await readFile(join(directory, "new.id"), "utf8");
    expect(await readFile(images(manifest.sshKey), "utf8")).toBe(key);
  });
});

describe("a check", () => {
  it("boots an image of the store, or a file with its manifest beside it, and modifies nothing", async () => {
    const tools = scriptedTools(store);
    await importImage(await request(), tools);
    const before = await readFile(images("mine.qcow2"));
    await checkStoredImage({ image: "mine" }, tools);
    await checkStoredImage({ image: images("mine.qcow2") }, tools);
    expect(tools.booted.map(({ image }) => image.manifest?.loginUser)).toEqual(["me", "me", "me"]);
    expect(await readFile(images("mine.qcow2"))).toEqual(before);
    expect(await readdir(join(store, "state/image-checks"))).toEqual([]);
  });

  it("suggests a similar name for an unknown image", async () => {
    await importImage(await request(), scriptedTools(store));
    await expect(checkStoredImage({ image: "mime" }, scriptedTools(store))).rejects.toMatchObject({
      code: "BASE_IMAGE",
      hint: "Did you mean mine?",
    });
  });
});

describe("the list", () => {
  it("of a missing store contains the images that can be built", async () => {
    const found = await listImages(store);
    expect(found.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["debian-12-amd64", "debian-13-amd64-ocaml-5.3.0", "busybox"]),
    );
    expect(new Set(found.map(({ state }) => state))).toEqual(new Set(["not-built"]));
  });

  it("shows which images are outdated, have no manifest, or are incomplete", async () => {
    await mkdir(images(), { recursive: true });
    for (const name of ["bare", "debian-12-amd64", "half"]) await writeFile(images(`${name}.qcow2`), "");
    const manifest = { version: 2, guestOs: "linux", guestArch: "amd64", loginUser: "opam" };
    const parameters = { diskSize: 1, user: "opam", packages: [] };
    const record = { name: "debian-12-amd64", digest: "old", made: new Date().toISOString(), parameters };
    await writeFile(images("debian-12-amd64.json"), JSON.stringify({ ...manifest, recipe: record }));
    await writeFile(images("half.json"), JSON.stringify({ ...manifest, sshKey: "half.key" }));
    const states = (await listImages(store)).map(({ name, state }) => [name, state]);
    expect(states.slice(0, 3)).toEqual([
      ["bare", "no-manifest"],
      ["debian-12-amd64", "outdated"],
      ["half", "incomplete"],
    ]);
  });
});

describe("an image in a directory of its own", () => {
  it("is listed, checked and removed with the files beside its manifest", async () => {
    const tools = scriptedTools(store);
    await importImage(await request({ check: false }), tools);
    const name = "org/img:12";
    await mkdir(images("org"));
    await rename(images("mine.qcow2"), images(`${name}.qcow2`));
    const manifest = JSON.parse(await readFile(images("mine.json"), "utf8"));
    const directBoot = { kernel: "img.kernel", commandLine: "" };
    const moved = { ...manifest, name, directBoot, sshKey: "../../state/ssh/id_ed25519" };
    await writeFile(images(`${name}.json`), JSON.stringify(moved));
    await rm(images("mine.json"));
    const listed = async () => (await listImages(store)).find((image) => image.name === name);
    expect(await listed()).toMatchObject({ state: "incomplete" });
    // A file of the same name in another directory is none of its own.
    await writeFile(images("img.kernel"), "");
    expect(await listed()).toMatchObject({ state: "incomplete" });
    const alone = (await listed())?.bytes ?? 0;
    await writeFile(images("org/img.kernel"), Buffer.alloc(1 << 20, 1));
    expect(await listed()).toMatchObject({ state: "custom" });
    expect((await listed())?.bytes).toBeGreaterThanOrEqual(alone + (1 << 20));
    await checkStoredImage({ image: name }, tools);
    expect(tools.booted.at(-1)).toMatchObject({ image: { manifestDirectory: images("org") } });
    await removeImage(store, name);
    expect(await readdir(images(), { recursive: true })).toEqual(["img.kernel", "org"]);
  });
});

describe("a removal", () => {
  it("keeps a kernel that another image names, and says if layers are based on the image", async () => {
    await mkdir(images(), { recursive: true });
    const manifest = { version: 2, guestOs: "linux", guestArch: "amd64", loginUser: "me" };
    const directBoot = { kernel: "shared.kernel", commandLine: "" };
    await writeFile(images("shared.kernel"), "");
    for (const name of ["one", "other"]) {
      await writeFile(images(`${name}.qcow2`), "");
      await writeFile(images(`${name}.json`), JSON.stringify({ ...manifest, directBoot }));
    }
    const layer = join(store, "result", sha256("one"), "rootfs");
    await mkdir(layer, { recursive: true });
    await run(["qemu-img", "create", "-q", "-f", "qcow2", join(layer, "image.qcow2"), "1M"]);
    expect(await removeImage(store, "one")).toEqual({ hasLayer: true });
    expect((await readdir(images())).toSorted()).toEqual(["other.json", "other.qcow2", "shared.kernel"]);
    expect(await removeImage(store, "other")).toEqual({ hasLayer: false });
    expect(await readdir(images())).toEqual([]);
  });

  it("is refused while the image is the backing file of a layer by the original OBuilder", async () => {
    await importImage(await request({ check: false }), scriptedTools(store));
    const layer = join(store, "result", sha256("mine"), "rootfs");
    await mkdir(layer, { recursive: true });
    const base = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", images("mine.qcow2")] as const;
    await run([...base, "-F", "qcow2", join(layer, "image.qcow2")]);
    await expect(removeImage(store, "mine")).rejects.toMatchObject({ code: "LAYER_BUSY" });
    expect(await readdir(images())).toContain("mine.qcow2");
  });

  it("that was killed, or follows a replacement that was, is completed by the next one", async () => {
    const key = join(directory, "id");
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
    await importImage(await request({ check: false, sshKey: key }), scriptedTools(store));
    await rm(images("mine.qcow2"));
    for (const name of ["mine.0123456789ab.kernel", ".mine.json.next"]) await writeFile(images(name), "{}");
    expect(await removeImage(store, "mine")).toEqual({ hasLayer: false });
    expect(await readdir(images())).toEqual([]);
    await expect(removeImage(store, "mine")).rejects.toMatchObject({ code: "BASE_IMAGE" });
  });

  it("suggests a similar name for an unknown image", async () => {
    await expect(removeImage(store, "mine")).rejects.toMatchObject({ code: "BASE_IMAGE" });
  });
});
