import { execFile } from "node:child_process";
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeStorePrivate, layerId, type ObEvent } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "./store.ts";

let directory: string;
let store: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-close-"));
  store = join(directory, "store");
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Creates a store as an earlier version or the original left it. */
async function makeOpenStore(): Promise<void> {
  for (const part of ["base-image", "result/id/rootfs", "state/ssh", "cache-template"]) {
    await mkdir(join(store, part), { recursive: true });
  }
  for (const file of [
    "base-image/x.qcow2",
    "result/id/rootfs/image.qcow2",
    "result/id/log",
    "state/ssh/key",
  ]) {
    await writeFile(join(store, file), "");
  }
  await chmod(join(store, "state/ssh/key"), 0o600);
  await chmod(join(store, "result/id/log"), 0o664);
  for (const each of ["", "base-image", "result", "result/id"]) await chmod(join(store, each), 0o755);
}

/** The paths that other users have any access to. */
async function openPaths(): Promise<readonly string[]> {
  const found = ["", ...(await readdir(store, { recursive: true }))];
  const modes = await Promise.all(found.map(async (path) => (await lstat(join(store, path))).mode));
  return found.filter((_, index) => ((modes[index] ?? 0) & 0o077) !== 0);
}

async function close(): Promise<readonly ObEvent[]> {
  const events: ObEvent[] = [];
  await makeStorePrivate(store, (event) => events.push(event));
  return events;
}

const open = async () => {
  const events: ObEvent[] = [];
  const opened = await openStore({ directory: store, create: true, emit: (event) => events.push(event) });
  await opened[Symbol.asyncDispose]();
  return events.filter((event) => event.type === "log" && event.level === "warning");
};

describe("a store", () => {
  it("is created for its owner alone, and its parents have the usual modes", async () => {
    store = join(directory, "parent/store");
    expect(await open()).toEqual([]);
    for (const part of ["", "base-image", "result", "state", "state/db", "state/locks"]) {
      expect((await stat(join(store, part))).mode & 0o777, part).toBe(0o700);
    }
    expect((await stat(join(directory, "parent"))).mode & 0o777).toBe(0o777 & ~process.umask());
  });

  it("has unfinished layers that only its owner can read, whatever the umask is", async () => {
    await using opened = await openStore({ directory: store, create: true });
    const id = layerId("0".repeat(64));
    await using writer = await opened.tryBegin(id);
    expect(writer).toBeDefined();
    const modes = ["", "log"].map(
      async (part) => (await stat(join(store, "result-tmp", id, part))).mode & 0o777,
    );
    expect(await Promise.all(modes)).toEqual([0o700, 0o600]);
  });

  it("that others can read is made private when it is opened, with one warning", async () => {
    await makeOpenStore();
    const text = `Others on this host could open the store ${store} (mode 755); from now on only its owner can.`;
    expect(await open()).toEqual([{ type: "log", level: "warning", text }]);
    expect((await openPaths()).filter((path) => !path.startsWith("state/db"))).toEqual([]);
    expect((await stat(join(store, "state/ssh/key"))).mode & 0o777).toBe(0o600);
    expect(await open()).toEqual([]);
  });

  it("that is private is not checked again", async () => {
    await makeOpenStore();
    await chmod(store, 0o700);
    expect(await close()).toEqual([]);
    expect(await openPaths()).toContain("result/id/log");
  });

  it("can contain links, which are left alone with their targets", async () => {
    await makeOpenStore();
    const elsewhere = join(directory, "elsewhere");
    await mkdir(elsewhere, { mode: 0o755 });
    await writeFile(join(elsewhere, "file"), "", { mode: 0o644 });
    await symlink(elsewhere, join(store, "cache"));
    await symlink(join(elsewhere, "file"), join(store, "base-image/link.qcow2"));
    await close();
    expect((await stat(elsewhere)).mode & 0o077).not.toBe(0);
    expect((await stat(join(elsewhere, "file"))).mode & 0o077).not.toBe(0);
  });

  it("must be a store, and other files in its directory are left alone", async () => {
    await mkdir(join(store, "state"), { recursive: true });
    expect(await close()).toEqual([]);
    expect((await stat(store)).mode & 0o077).not.toBe(0);
    await makeOpenStore();
    await writeFile(join(store, "letter.txt"), "dear", { mode: 0o644 });
    await close();
    expect((await stat(join(store, "letter.txt"))).mode & 0o777).toBe(0o644);
  });
});

describe("a store of another user", () => {
  const nobody = 65534;
  /** Makes the store private as a user without rights to it, and returns the texts of the warnings. */
  const makePrivateAsNobody = async (): Promise<readonly string[]> => {
    const script = `const { makeStorePrivate } = await import("@ob/core");
      await makeStorePrivate(${JSON.stringify(store)}, (event) => console.log(event.level, event.text));`;
    const words = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", process.execPath];
    const node = ["--conditions=@ob/source", "--input-type=module", "-e", script];
    const { stdout } = await promisify(execFile)("setpriv", [...words, ...node], {
      cwd: import.meta.dirname,
    });
    return stdout.split("\n").filter(Boolean);
  };
  const isRoot = process.getuid?.() === 0;

  it.skipIf(!isRoot)("causes a warning that tells what its owner can do (needs root)", async () => {
    await makeOpenStore();
    await chmod(directory, 0o755);
    const said = await makePrivateAsNobody();
    expect(said).toEqual([
      expect.stringMatching(/^warning Others on this host can open the store .*chmod -R go= .*store$/),
    ]);
    expect((await stat(store)).mode & 0o777).toBe(0o755);
  });

  it.skipIf(!isRoot)("in parts causes a warning that names them (needs root)", async () => {
    await makeOpenStore();
    await chmod(directory, 0o755);
    await chown(store, nobody, nobody);
    await chown(join(store, "base-image"), nobody, nobody);
    const said = await makePrivateAsNobody();
    expect(said).toHaveLength(2);
    expect(said[1]).toMatch(/^warning The permissions of .* and \d+ others could not be changed/);
    expect((await stat(store)).mode & 0o777).toBe(0o700);
  });
});
