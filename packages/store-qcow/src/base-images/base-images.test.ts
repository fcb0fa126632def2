import { copyFile, mkdir, readFile, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isObError, run, sha256, sha256File } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  hasPattern,
  idOf,
  importBase,
  makeImage,
  makeLayer,
  type TemporaryStore,
  temporaryStore,
} from "../temporary-store.test.helper.ts";

let fixture: TemporaryStore;

beforeEach(async () => {
  fixture = await temporaryStore();
});

afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

async function importFailure(name: string): Promise<unknown> {
  await using writer = await fixture.store.tryBegin(idOf("anything"));
  return await writer?.importBase(name).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("a base image that is replaced", () => {
  beforeEach(async () => {
    await makeImage(fixture.image("debian"), { fill: 1 });
  });

  it("gets an id from its contents, and older layers do not change", async () => {
    const { store } = fixture;
    const first = await importBase(store, "debian");
    const onFirst = await makeLayer(store, { id: idOf("a"), parent: first.id, fill: 5, offset: 1 << 20 });
    // The file that the first layer was copied from is overwritten in place.
    await rm(fixture.image("other"), { force: true });
    await makeImage(fixture.image("other"), { fill: 2 });
    await copyFile(fixture.image("other"), fixture.image("debian"));
    const contents = await sha256File(fixture.image("debian"));
    const changed = await store.baseImage("debian");
    expect(changed.id).toBe(sha256(`((base debian)(image ${contents}))`));
    const second = await importBase(store, "debian");
    expect(second.id).toBe(changed.id);
    expect(fixture.events).toContainEqual({
      type: "note",
      text: 'Base image "debian" was replaced; older layers keep the old one.',
    });
    expect(await hasPattern(second.disk, { fill: 2 })).toBe(true);
    expect(await hasPattern(first.disk, { fill: 1 })).toBe(true);
    expect(await hasPattern(onFirst.disk, { fill: 1 })).toBe(true);
    expect((await store.baseImage("debian")).id).toBe(second.id);
  });

  it("by a copy of itself is the same image", async () => {
    const { store } = fixture;
    const first = await importBase(store, "debian");
    await utimes(fixture.image("debian"), new Date(), new Date(Date.now() + 5_000));
    expect((await store.baseImage("debian")).id).toBe(first.id);
  });

  it("and restored, starts from the first layer again", async () => {
    const { store } = fixture;
    const first = await importBase(store, "debian");
    await copyFile(fixture.image("debian"), join(fixture.directory, "saved"));
    await rm(fixture.image("debian"));
    await makeImage(fixture.image("debian"), { fill: 2 });
    const second = await importBase(store, "debian");
    await copyFile(join(fixture.directory, "saved"), fixture.image("debian"));
    expect((await store.baseImage("debian")).id).toBe(first.id);
    expect(second.id).not.toBe(first.id);
  });

  it("before a layer was made from it, keeps the id from its name", async () => {
    const { store } = fixture;
    expect((await store.baseImage("debian")).id).toBe(sha256("debian"));
    await rm(fixture.image("debian"));
    await makeImage(fixture.image("debian"), { fill: 2 });
    const layer = await importBase(store, "debian");
    expect(layer.id).toBe(sha256("debian"));
    expect(await hasPattern(layer.disk, { fill: 2 })).toBe(true);
  });

  it("and removed, still has the layer that was last made from it", async () => {
    const { store } = fixture;
    await importBase(store, "debian");
    await rm(fixture.image("debian"));
    await makeImage(fixture.image("debian"), { fill: 2 });
    const second = await importBase(store, "debian");
    await rm(fixture.image("debian"));
    expect(await store.baseImage("debian")).toEqual({
      name: "debian",
      id: second.id,
      present: false,
      others: [],
    });
    await store.delete(second.id);
    await store.delete((await store.baseImage("debian")).id);
    expect((await store.baseImage("debian")).id).toBe(sha256("debian"));
  });

  it("is rejected if it changes between the plan and the import", async () => {
    const { store } = fixture;
    await importBase(store, "debian");
    await rm(fixture.image("debian"));
    await makeImage(fixture.image("debian"), { fill: 2 });
    const { id } = await store.baseImage("debian");
    await rm(fixture.image("debian"));
    await makeImage(fixture.image("debian"), { fill: 3 });
    await using writer = await store.tryBegin(id);
    await expect(writer?.importBase("debian")).rejects.toMatchObject({
      code: "BASE_IMAGE",
      message: expect.stringContaining("was replaced"),
    });
  });
});

describe("a base image that cannot be used", () => {
  it("because it is missing suggests similar names", async () => {
    for (const name of ["debian-12-amd64", "debian-13-riscv64", "windows"])
      await makeImage(fixture.image(name));
    expect(await importFailure("debian-12-amd46")).toMatchObject({
      code: "BASE_IMAGE",
      message: expect.stringContaining("debian-12-amd46.qcow2"),
      hint: "Did you mean debian-12-amd64?",
    });
    expect(await importFailure("openbsd")).toMatchObject({
      hint: "Available: debian-12-amd64, debian-13-riscv64, windows.",
    });
  });

  it.each(["../secret", "/etc/passwd", "a//b", "", ".."])(
    "because its name leads out of the directory: %j",
    async (name) => {
      expect(await importFailure(name)).toMatchObject({ code: "BASE_IMAGE" });
    },
  );

  it("because it is a raw disk explains how to convert it", async () => {
    await writeFile(fixture.image("raw"), Buffer.alloc(1 << 20, 1));
    expect(await importFailure("raw")).toMatchObject({
      code: "BASE_IMAGE",
      message: expect.stringContaining("is not a qcow2"),
      hint: expect.stringContaining("qemu-img convert"),
    });
  });

  it("because it was copied in part is damaged", async () => {
    await makeImage(fixture.image("part"));
    await truncate(fixture.image("part"), 300_000);
    expect(await importFailure("part")).toMatchObject({
      code: "BASE_IMAGE",
      message: expect.stringContaining("is damaged"),
    });
  });

  it("because it is empty, a directory or a broken link is an error with the reason", async () => {
    await writeFile(fixture.image("empty"), "");
    await mkdir(fixture.image("directory"));
    await symlink("/nowhere/at/all", fixture.image("link"));
    expect(await importFailure("empty")).toMatchObject({
      message: expect.stringContaining("is not a qcow2"),
    });
    expect(await importFailure("directory")).toMatchObject({
      message: expect.stringContaining("cannot be read"),
    });
    expect(await importFailure("link")).toMatchObject({ message: expect.stringContaining("symbolic link") });
  });

  it("leaves nothing behind, and the layer can be made later", async () => {
    const { store } = fixture;
    const { id } = await store.baseImage("late");
    {
      await using writer = await store.tryBegin(id);
      await expect(writer?.importBase("late")).rejects.toSatisfy((error) => isObError(error, "BASE_IMAGE"));
    }
    expect(await store.find(id)).toBeUndefined();
    await makeImage(fixture.image("late"));
    expect((await importBase(store, "late")).id).toBe(id);
  });
});

describe("an import copies", () => {
  it("an image with snapshots of its own", async () => {
    await makeImage(fixture.image("top"), { fill: 8 });
    await run(["qemu-img", "snapshot", "-c", "before", fixture.image("top")]);
    const layer = await importBase(fixture.store, "top");
    expect(await hasPattern(layer.disk, { fill: 8 })).toBe(true);
  });

  it("the manifest and its kernel, and adjusts the path of the store's key", async () => {
    const { directory, store } = fixture;
    await makeImage(fixture.image("debian"));
    const manifest = {
      version: 2,
      guestOs: "linux",
      guestArch: "amd64",
      loginUser: "opam",
      sshKey: "../state/ssh/id_ed25519",
      directBoot: { kernel: "debian.kernel", initrd: "debian.initrd", commandLine: "root=/dev/vda1" },
    };
    await writeFile(join(directory, "base-image/debian.json"), JSON.stringify(manifest));
    await writeFile(join(directory, "base-image/debian.kernel"), "old kernel");
    await writeFile(join(directory, "base-image/debian.initrd"), "old initrd");
    const layer = await importBase(store, "debian");
    await writeFile(join(directory, "base-image/debian.kernel"), "new kernel");
    const info = await store.baseInfo(layer.id);
    expect(info.manifest).toEqual({
      ...manifest,
      sshKey: "../../state/ssh/id_ed25519",
      directBoot: { kernel: "kernel", initrd: "initrd", commandLine: "root=/dev/vda1" },
    });
    expect(await readFile(join(info.manifestDirectory, "kernel"), "utf8")).toBe("old kernel");
    expect(join(info.manifestDirectory, info.manifest?.sshKey ?? "")).toBe(
      join(directory, "state/ssh/id_ed25519"),
    );
    expect(await readFile(join(layer.directory, "env"), "utf8")).toBe("((env ()))\n");
  });

  it("a manifest of version 1, as one of version 2", async () => {
    const { directory, store } = fixture;
    await makeImage(fixture.image("debian"));
    const common = { guestOs: "linux", guestArch: "amd64", loginUser: "opam" };
    const old = { version: 1, ...common, announcesReady: true, resumes: ["initrd"] };
    await writeFile(join(directory, "base-image/debian.json"), JSON.stringify(old));
    const layer = await importBase(store, "debian");
    const current = { version: 2, ...common, readyMarker: true, snapshotPoints: ["initrd"] };
    expect((await store.baseInfo(layer.id)).manifest).toEqual(current);
    const copy = join(layer.directory, "manifest.json");
    expect(JSON.parse(await readFile(copy, "utf8"))).toEqual(current);
    // As an obuilder that wrote version 1 left it.
    await writeFile(copy, JSON.stringify(old));
    expect((await store.baseInfo(layer.id)).manifest).toEqual(current);
  });

  it("the manifest of the disk, where a process was killed as it replaced both", async () => {
    const { directory, store } = fixture;
    await makeImage(fixture.image("debian"));
    const described = { version: 2, guestOs: "linux", guestArch: "amd64" };
    const next = {
      ...{ ...described, loginUser: "new" },
      sha256: await sha256File(fixture.image("debian")),
    };
    await writeFile(join(directory, "base-image/.debian.json.next"), JSON.stringify(next));
    await writeFile(
      join(directory, "base-image/debian.json"),
      JSON.stringify({ ...described, loginUser: "old" }),
    );
    expect((await store.guestOf(await store.baseImage("debian")))?.manifest).toMatchObject({
      loginUser: "new",
    });
    const layer = await importBase(store, "debian");
    expect((await store.baseInfo(layer.id)).manifest).toEqual(next);
  });

  it("no manifest that names a missing file", async () => {
    await makeImage(fixture.image("debian"));
    const manifest = { version: 2, guestOs: "linux", guestArch: "amd64", loginUser: "opam", sshKey: "key" };
    await writeFile(join(fixture.directory, "base-image/debian.json"), JSON.stringify(manifest));
    await using writer = await fixture.store.tryBegin((await fixture.store.baseImage("debian")).id);
    await expect(writer?.importBase("debian")).rejects.toMatchObject({
      code: "BASE_IMAGE",
      message: expect.stringContaining("names key"),
    });
  });
});
