import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { layerArchive } from "@ob/builder";
import { type EphemeralGuest, noopEmit, type ObError } from "@ob/core";
import { hostileArchives, replacingArchives } from "@ob/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unpackArchive } from "./unpack-archive.ts";

let top = "";
let out = "";
let outside = "";
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), "hostile-"));
  [out, outside] = [join(top, "out"), join(top, "outside")];
  for (const directory of [out, outside]) await mkdir(directory);
  await writeFile(join(outside, "kept"), "kept");
  // What an earlier copy has brought.
  await symlink(outside, join(out, "x"));
});
afterEach(async () => {
  await rm(top, { recursive: true });
});

const guestWith = (archive: Buffer): EphemeralGuest => ({
  async *readArchive() {
    yield archive;
  },
  execInteractive: async () => 0,
  [Symbol.asyncDispose]: async () => undefined,
});

/** As `cp ID:/d/. OUT` does. */
const copied = (archive: Buffer): Readable =>
  layerArchive(async () => guestWith(archive), {
    items: [{ path: "/d", archivePath: () => "" }],
    owner: { kind: "reader" },
    skipDevices: true,
  });

const signal = new AbortController().signal;
const archives = (to: string) => [...hostileArchives(to), ...replacingArchives(to)];
const cases = archives("/nonexistent/outside").map(({ what }, index) => ({ what, index }));

describe.each(cases)("what a hostile guest sends for cp: $what", ({ index }) => {
  const found = () => {
    const entry = archives(outside)[index];
    if (!entry) throw new TypeError("no such archive");
    return entry;
  };

  async function untouched(): Promise<void> {
    expect(await readdir(outside)).toEqual(["kept"]);
    expect(await readFile(join(outside, "kept"), "utf8")).toBe("kept");
  }

  it("writes below the destination only, or nothing", async () => {
    const { archive, result } = found();
    const unpacking = unpackArchive(copied(archive), { directory: out, signal, emit: noopEmit });
    if ("kept" in result) {
      await unpacking;
      expect((await readdir(out)).toSorted()).toEqual([...new Set([...result.kept, "x"])].toSorted());
    } else {
      await expect(unpacking).rejects.toMatchObject({ code: "BAD_SOURCE" });
      expect(await readdir(out)).toEqual(["x"]);
    }
    await untouched();
  });

  it("does so even if nothing has checked it before", async () => {
    const { archive } = found();
    const unpacking = unpackArchive(Readable.from([archive]), { directory: out, signal, emit: noopEmit });
    const error = (await unpacking.catch((reason: unknown) => reason)) as ObError | undefined;
    if (error) {
      expect(["BAD_SOURCE", "USAGE"]).toContain(error.code);
      // oxlint-disable-next-line no-control-regex -- it looks for control characters.
      expect(error.message).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]|\p{Cf}/u);
      expect(await readdir(out)).toEqual(["x"]);
    }
    await untouched();
  });
});
