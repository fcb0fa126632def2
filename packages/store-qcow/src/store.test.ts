import { toStoreError } from "@ob/core";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "./store.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-open-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("opening a store", () => {
  it("that does not exist is rejected, and creates nothing", async () => {
    const path = join(directory, "no-such");
    await expect(openStore({ directory: path })).rejects.toMatchObject({
      code: "STORE",
      message: `There is no store at ${path}.`,
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it("with the option to create it creates it, with every directory of the original", async () => {
    const path = join(directory, "a/b");
    await (await openStore({ directory: path, create: true }))[Symbol.asyncDispose]();
    expect((await readdir(path)).toSorted()).toEqual(
      ["base-image", "cache", "cache-tmp", "result", "result-tmp", "state"].toSorted(),
    );
  });

  it("that is some other directory is rejected, and changes nothing", async () => {
    await writeFile(join(directory, "letter.txt"), "dear");
    await expect(openStore({ directory })).rejects.toMatchObject({
      code: "STORE",
      message: expect.stringContaining("is not a store"),
    });
    expect(await readdir(directory)).toEqual(["letter.txt"]);
  });

  it("that has only base images, or is empty, succeeds", async () => {
    const images = join(directory, "with-images");
    await mkdir(join(images, "base-image"), { recursive: true });
    const empty = join(directory, "empty");
    await mkdir(empty);
    for (const path of [images, empty]) {
      await using store = await openStore({ directory: path });
      expect([...store.list()]).toEqual([]);
    }
  });

  it("that is a file is an error that says so", async () => {
    await writeFile(join(directory, "file"), "");
    for (const create of [true, false]) {
      await expect(openStore({ directory: join(directory, "file"), create })).rejects.toMatchObject({
        code: "STORE",
        message: expect.stringContaining(join(directory, "file")),
      });
    }
  });

  it("with a damaged database is an error with a hint", async () => {
    await mkdir(join(directory, "state/db"), { recursive: true });
    await writeFile(
      join(directory, "state/db/db.sqlite"),
      "this is not a database, and long enough to be looked at ".repeat(40),
    );
    await expect(openStore({ directory })).rejects.toMatchObject({
      code: "STORE",
      message: expect.stringContaining("damaged"),
      hint: expect.stringContaining("state/db"),
    });
  });

  it("by several processes at the same time succeeds for all", async () => {
    const stores = await Promise.all(
      Array.from({ length: 6 }, () => openStore({ directory: join(directory, "new"), create: true })),
    );
    for (const store of stores) {
      expect([...store.list()]).toEqual([]);
      await store[Symbol.asyncDispose]();
    }
  });
});

describe("errors of the file system and of SQLite", () => {
  it.each([
    [{ code: "ENOSPC" }, "NO_SPACE", "Free some space"],
    [{ code: "EDQUOT" }, "NO_SPACE", "Free some space"],
    [{ code: "EROFS" }, "STORE", "writable"],
    [{ code: "EACCES" }, "STORE", "writable"],
    [{ code: "ERR_SQLITE_ERROR", errcode: 13 }, "NO_SPACE", "Free some space"],
    [{ code: "ERR_SQLITE_ERROR", errcode: 4874 }, "NO_SPACE", "completely full"],
    [{ code: "ERR_SQLITE_ERROR", errcode: 8 }, "STORE", "writable"],
    [{ code: "ERR_SQLITE_ERROR", errcode: 11 }, "STORE", "state/db"],
  ])("become an error with a hint: %j", (more, code, hint) => {
    const error = toStoreError(Object.assign(new Error("it said no"), more), "keep layer x");
    expect(error.code).toBe(code);
    expect(error.message).toContain("Cannot keep layer x: it said no");
    expect(error.hint).toContain(hint);
  });
});

it("names the option of a wrong kind that a caller from JavaScript gives", async () => {
  const open = async (options: unknown): Promise<unknown> =>
    await Reflect.apply(openStore, undefined, [options]);
  await expect(open(undefined)).rejects.toThrow("openStore takes an object with options, not undefined.");
  await expect(open({})).rejects.toThrow("openStore: directory must be a string, not undefined.");
  await expect(open({ directory: "/x", diskSize: "1G" })).rejects.toThrow(
    "diskSize must be a number, not a string.",
  );
});
