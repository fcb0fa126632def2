import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { LayerId } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bench, spec } from "../builds.test.helper.ts";
import { planBuild } from "../plan.ts";

let directory = "";
let source = "";
beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), "ob-own-")));
  source = join(directory, "project");
  await put("hello.spec", "spec");
  await put("src/main", "main");
  await mkdir(join(source, "empty"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function put(path: string, contents = ""): Promise<void> {
  await mkdir(join(source, path, ".."), { recursive: true });
  await writeFile(join(source, path), contents);
}

/** As a store looks that has been built in; what is in it must not count. */
async function makeStore(at: string, key: string): Promise<void> {
  for (const part of ["base-image", "result", "state/ssh"]) await mkdir(join(at, part), { recursive: true });
  await writeFile(join(at, "state/ssh/id_ed25519"), key);
  // Nothing in it is as much as looked at: a pipe would be an error.
  execFileSync("mkfifo", [join(at, "state/pipe")]);
}

const copyAll = '((from base) (copy (src .) (dst /p/) (exclude ".git")))';

interface Planning {
  /** Absolute, or from the project. */
  readonly store?: string | readonly string[];
  readonly sourceDirectory?: string;
}

/** The id of the last step, in a store that lies at these paths. */
async function planned(text = copyAll, options: Planning = {}): Promise<LayerId | undefined> {
  const { store = ".obuilder/store", sourceDirectory = source } = options;
  const ownDirectories = [store].flat().map((path) => (path.startsWith("/") ? path : join(source, path)));
  const request = { spec: spec(text), sourceDirectory };
  const steps = await planBuild({ store: new MemoryStore({ images: ["base"], ownDirectories }) }, request);
  return steps.at(-1)?.id;
}

describe("a store inside of the source directory", () => {
  test("is left out: the id is the same before it exists, in the first build and after it", async () => {
    const elsewhere = await planned(copyAll, { store: "/nowhere/store" });
    expect(await planned()).toBe(elsewhere);
    await mkdir(join(source, ".obuilder"));
    expect(await planned()).toBe(elsewhere);
    await mkdir(join(source, ".obuilder/store"));
    expect(await planned()).toBe(elsewhere);
    await makeStore(join(source, ".obuilder/store"), "one");
    expect(await planned()).toBe(elsewhere);
  });

  test("is left out of a directory that holds other files", async () => {
    await put(".obuilder/notes", "mine");
    const copyOne = "((from base) (copy (src .obuilder) (dst /p/)))";
    const before = await planned(copyAll, { store: "/nowhere/store" });
    const oneBefore = await planned(copyOne, { store: "/nowhere/store" });
    await makeStore(join(source, ".obuilder/store"), "one");
    expect(await planned()).toBe(before);
    expect(await planned(copyOne)).toBe(oneBefore);
    await put(".obuilder/notes", "others");
    expect(await planned()).not.toBe(before);
  });

  test("changes nothing where its parent is excluded, or the only one that is not", async () => {
    const excluding = (name: string) => copyAll.replace('".git"', name);
    for (const name of ["store", ".obuilder", "other"]) {
      const before = await planned(excluding(name));
      await mkdir(join(source, ".obuilder/other"), { recursive: true });
      const withOther = await planned(excluding(name));
      await makeStore(join(source, ".obuilder/store"), "one");
      expect(await planned(excluding(name)), name).toBe(withOther);
      await rm(join(source, ".obuilder/other"), { recursive: true });
      expect(await planned(excluding(name)), name).toBe(before);
      await rm(join(source, ".obuilder"), { recursive: true });
    }
  });

  test("is identified by its device and inode", async () => {
    const without = await planned();
    await makeStore(join(source, ".obuilder/store"), "one");
    await symlink(join(source, ".obuilder"), join(directory, "to-store"));
    await symlink(source, join(directory, "to-project"));
    const toStore = join(directory, "to-store/store");
    const sourceDirectory = join(directory, "to-project");
    expect(await planned(copyAll, { store: toStore })).toBe(without);
    expect(await planned(copyAll, { sourceDirectory })).toBe(without);
    expect(await planned(copyAll, { store: toStore, sourceDirectory })).toBe(without);
  });

  test("is identified where it is mounted a second time", async ({ skip }) => {
    await put(".obuilder/other");
    const store = join(directory, "store");
    const without = await planned(copyAll, { store });
    await makeStore(store, "one");
    const mounted = join(source, ".obuilder/mounted");
    await mkdir(mounted);
    try {
      execFileSync("mount", ["--bind", store, mounted], { stdio: "ignore" });
    } catch {
      skip("mounting a directory a second time needs root");
    }
    try {
      expect(await planned(copyAll, { store })).toBe(without);
    } finally {
      execFileSync("umount", [mounted]);
    }
  });

  test("may have parts elsewhere in the source directory", async () => {
    const without = await planned();
    await makeStore(join(source, ".obuilder/store"), "one");
    await rename(join(source, ".obuilder/store/base-image"), join(source, "images"));
    await symlink("../../images", join(source, ".obuilder/store/base-image"));
    const store = [".obuilder/store", ".obuilder/store/base-image"];
    expect(await planned(copyAll, { store })).toBe(without);
  });

  test("may be the target of a link in the source, which stays a link", async () => {
    await symlink(".obuilder/store", join(source, "link"));
    const before = await planned();
    await makeStore(join(source, ".obuilder/store"), "one");
    expect(await planned()).toBe(before);
    expect(await planned(copyAll, { store: "link" })).toBe(before);
  });

  test("is not another store, which is copied like any directory", async () => {
    const without = await planned(copyAll, { store: "/nowhere/store" });
    await mkdir(join(source, ".obuilder/store/state"), { recursive: true });
    expect(await planned(copyAll, { store: "/nowhere/store" })).not.toBe(without);
  });

  test.each([".obuilder/store", "./.obuilder//store/.", ".obuilder/store/state/ssh/id_ed25519"])(
    "cannot be named as a source: %s",
    async (path) => {
      await makeStore(join(source, ".obuilder/store"), "one");
      await expect(planned(`((from base) (copy (src ${path}) (dst /p/)))`)).rejects.toMatchObject({
        code: "BAD_SOURCE",
        message: expect.stringMatching(/is the store of this build, which is never copied\.$/),
      });
    },
  );

  test.each([".", "result", "state/ssh"])("cannot be the source directory, or hold it: %s", async (path) => {
    const store = join(source, ".obuilder/store");
    await makeStore(store, "one");
    const sourceDirectory = join(store, path);
    await symlink(sourceDirectory, join(directory, "link"));
    for (const each of [sourceDirectory, join(directory, "link")]) {
      await expect(
        planned(`((from base) (run (shell x)) (copy (src .) (dst /p/)))`, { sourceDirectory: each }),
      ).rejects.toMatchObject({ code: "BAD_SOURCE", message: expect.stringContaining("is in the store") });
      // What copies nothing from there may be built from anywhere.
      expect(await planned("((from base) (run (shell x)))", { sourceDirectory: each })).toBeDefined();
    }
  });
});

test("the archive of a build has no file of the store, and the next build is cached", async () => {
  await makeStore(join(source, ".obuilder/store"), "the store's private key");
  const archives: Buffer[] = [];
  await using setting = bench({
    store: new MemoryStore({ images: ["base"], ownDirectories: [join(source, ".obuilder/store")] }),
    copy: async ({ task }) => void archives.push(await buffer(task.openArchive({ owner: undefined }))),
  });
  const request = { spec: spec(copyAll), sourceDirectory: source };
  const id = await setting.builder.build(request);
  await writeFile(join(source, ".obuilder/store/state/more"), "more");
  expect(await setting.builder.build(request)).toBe(id);
  expect((await setting.builder.plan(request)).at(-1)).toMatchObject({ id, cached: true });
  expect(archives.length).toBe(1);
  const names = execFileSync("tar", ["-t"], { input: archives[0] }).toString().split("\n").filter(Boolean);
  expect(names.toSorted()).toEqual(["p/", "p/empty/", "p/hello.spec", "p/src/", "p/src/main"].toSorted());
});
