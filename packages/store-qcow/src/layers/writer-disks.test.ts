import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import {
  diskIn,
  layerBackingPath,
  type LayerId,
  layerLock,
  resultDirectory,
  stagingDirectory,
  within,
} from "@ob/core";
import {
  createOverlay,
  flattenBeforeUseFrom,
  flattenInBackgroundFrom,
  isFree,
  readQcowHeader,
} from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { importBaseImage } from "../base-images/import-base.ts";
import { flattenLayer } from "../chain/flatten.ts";
import type * as Flatten from "../chain/flatten.ts";
import { idOf } from "../temporary-store.test.helper.ts";
import { importDisk } from "./import-layer.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";
import { beginLayer, stagedDisk } from "./writer.test.helper.ts";

vi.mock("../chain/flatten.ts", async (original) => ({
  ...(await original<typeof Flatten>()),
  flattenLayer: vi.fn<typeof flattenLayer>(),
}));
vi.mock("../base-images/import-base.ts", () => ({ importBaseImage: vi.fn<typeof importBaseImage>() }));
vi.mock("./import-layer.ts", () => ({ importDisk: vi.fn<typeof importDisk>() }));

const id = idOf("new");
const { signal } = new AbortController();
let here: PlainStore;
let base: LayerId;
beforeEach(async () => {
  here = await plainStore();
  base = here.add("base");
  for (const mock of [flattenLayer, importBaseImage, importDisk]) vi.mocked(mock).mockReset();
});
afterEach(async () => await here[Symbol.asyncDispose]());

const staged = () => readdirSync(stagingDirectory(here.context.layout, id)).toSorted();
const isUnlocked = (layer: LayerId) => isFree(layerLock(here.context.layout, layer));

describe("a disk on a layer", () => {
  it("is an overlay in a directory of its owner's, and the layer is kept meanwhile", async () => {
    await using writer = await beginLayer(here, id);
    const disk = await writer.createDisk(base);
    expect(disk).toBe(stagedDisk(here, id));
    expect(await readQcowHeader(disk)).toMatchObject({
      ...{ backing: layerBackingPath(base), virtualSize: 1 << 20 },
    });
    const rootfs = within(stagingDirectory(here.context.layout, id), "rootfs");
    expect(statSync(rootfs).mode & 0o777).toBe(0o700);
    expect(isUnlocked(base)).toBe(false);
  });

  it.each([
    [undefined, 1 << 20],
    [1 << 19, 1 << 20],
    [1 << 21, 1 << 21],
  ])("with the least size %s has %s bytes", async (diskSize, expected) => {
    const context = { ...here.context, diskSize };
    await using writer = await beginLayer({ ...here, context }, id);
    expect((await readQcowHeader(await writer.createDisk(base)))?.virtualSize).toBe(expected);
  });

  it("takes the place of what the writer had made, but the log stays, and the former layer is let go", async () => {
    const other = here.add("other");
    await using writer = await beginLayer(here, id);
    writer.appendLog(Buffer.from("first\n"));
    await writer.createDisk(base);
    const directory = stagingDirectory(here.context.layout, id);
    writeFileSync(within(directory, "env"), "");
    await writer.createDisk(other);
    expect(staged()).toEqual(["log", "rootfs"]);
    expect(readFileSync(within(directory, "log"), "utf8")).toBe("first\n");
    expect([isUnlocked(base), isUnlocked(other)]).toEqual([true, false]);
    await writer.commit();
    expect(here.context.database.parentOf(id)).toBe(other);
  });

  it("on one that is not there is an error, after which there is no disk, and the former layer is let go", async () => {
    await using writer = await beginLayer(here, id);
    await writer.createDisk(base);
    await expect(writer.createDisk(idOf("none"))).rejects.toMatchObject({ code: "NO_SUCH_LAYER" });
    await expect(writer.commit()).rejects.toThrow(`layer ${id} has no disk yet`);
    expect(isUnlocked(base)).toBe(true);
  });

  it("is not made after a signal", async () => {
    await using writer = await beginLayer(here, id);
    await expect(writer.createDisk(base, AbortSignal.abort())).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("that cannot be made is an error that names the layer under it", async () => {
    await using writer = await beginLayer(here, id);
    const disk = diskIn(resultDirectory(here.context.layout, base));
    rmSync(disk);
    mkdirSync(disk);
    await expect(writer.createDisk(base)).rejects.toMatchObject({
      ...{ code: "STORE" },
      message: expect.stringContaining(`Cannot create a disk on layer ${base}: EISDIR`),
    });
  });
});

describe("the disk of an image", () => {
  const record = { size: 1, mtimeNs: 2n, id, sha256: undefined };
  const image = (): void =>
    void vi.mocked(importBaseImage).mockImplementation(async (_context, _name, { directory }) => {
      writeFileSync(within(directory, "rootfs", "image.qcow2"), "an image");
      return record;
    });

  it("is imported, with the signal, and its state is recorded with the commit in place of the former", async () => {
    image();
    const { database, layout } = here.context;
    database.recordBaseImage("debian", { ...record, size: 9 });
    await using writer = await beginLayer(here, id);
    await writer.importBase("debian", signal);
    const directory = stagingDirectory(layout, id);
    expect(vi.mocked(importBaseImage).mock.calls).toEqual([
      [here.context, "debian", { id, directory, signal }],
    ]);
    expect(database.baseImages("debian")).toMatchObject([{ size: 9 }]);
    await writer.commit();
    expect(database.baseImages("debian")).toEqual([record]);
    expect([database.has(id), database.parentOf(id)]).toEqual([true, undefined]);
  });

  it("is forgotten when another is made", async () => {
    image();
    await using writer = await beginLayer(here, id);
    await writer.importBase("debian");
    await writer.createDisk(base);
    await writer.commit();
    expect(here.context.database.baseImages("debian")).toEqual([]);
  });

  it("that cannot be imported is an error that names it", async () => {
    vi.mocked(importBaseImage).mockRejectedValueOnce(Object.assign(new Error("odd"), { code: "EIO" }));
    await using writer = await beginLayer(here, id);
    await expect(writer.importBase("debian")).rejects.toMatchObject({
      ...{ code: "STORE", message: "Cannot import the base image debian: odd" },
    });
    await expect(writer.commit()).rejects.toThrow("no disk");
  });
});

describe("the disk of a layer from elsewhere", () => {
  const layer = () => ({ parent: base, digest: "d".repeat(64), write: async () => undefined });
  const overlay = (): void =>
    void vi.mocked(importDisk).mockImplementation(async (_layer, { disk }) => {
      await createOverlay(disk, { backing: layerBackingPath(base) });
    });

  it("is imported on its parent, with the signal, and its digest is known", async () => {
    overlay();
    await using writer = await beginLayer(here, id);
    const imported = layer();
    await writer.importLayer(imported, signal);
    const place = { id, disk: stagedDisk(here, id), signal };
    expect(vi.mocked(importDisk).mock.calls).toEqual([
      [imported, { ...place, chain: { virtualSize: 1 << 20, files: [expect.any(String)] } }, here.context],
    ]);
    expect(isUnlocked(base)).toBe(false);
    const { disk } = await writer.commit();
    const { size, mtimeNs } = statSync(disk, { bigint: true });
    const { database } = here.context;
    expect(database.diskDigests(id, { size: Number(size), mtimeNs })).toEqual([
      { sha256: imported.digest, ofFile: true },
    ]);
    expect(database.parentOf(id)).toBe(base);
  });

  it("has no digest of one that the writer had imported before", async () => {
    overlay();
    await using writer = await beginLayer(here, id);
    await writer.importLayer(layer());
    const { disk } = (await writer.createDisk(base), await writer.commit());
    const { size, mtimeNs } = statSync(disk, { bigint: true });
    expect(here.context.database.diskDigests(id, { size: Number(size), mtimeNs })).toEqual([]);
  });

  it("that cannot be imported is an error that names its parent", async () => {
    vi.mocked(importDisk).mockRejectedValueOnce(Object.assign(new Error("odd"), { code: "EIO" }));
    await using writer = await beginLayer(here, id);
    await expect(writer.importLayer(layer())).rejects.toMatchObject({
      ...{ code: "STORE", message: `Cannot import a layer on ${base}: odd` },
    });
    await expect(writer.commit()).rejects.toThrow("no disk");
  });
});

describe("a long chain", () => {
  /** Layers on each other. @returns the two on top, the topmost last. */
  function chainOf(length: number): readonly [LayerId, LayerId] {
    let [below, top] = [base, base];
    for (let n = 2; n <= length; n += 1) [below, top] = [top, here.add(`layer ${n}`, top)];
    return [below, top];
  }

  const fromLength = flattenInBackgroundFrom;

  it("is left alone up to some length", async () => {
    const [, top] = chainOf(fromLength);
    const start = vi.spyOn(here.context.background, "start");
    await using writer = await beginLayer(here, id);
    await writer.createDisk(top, signal);
    expect(start).not.toHaveBeenCalled();
    expect(vi.mocked(flattenLayer)).not.toHaveBeenCalled();
  });

  it.each([fromLength + 1, flattenBeforeUseFrom])(
    "of %s files is flattened below its top in the background",
    async (length) => {
      const [below, top] = chainOf(length);
      await using writer = await beginLayer(here, id);
      vi.mocked(flattenLayer).mockRejectedValueOnce(new Error("odd"));
      await writer.createDisk(top, signal);
      await here.context.background.stop();
      expect(vi.mocked(flattenLayer).mock.calls).toEqual([
        [here.context, below, { fromLength, signal: expect.any(AbortSignal) }],
      ]);
      // It ends with the store, and not with the step.
      expect(vi.mocked(flattenLayer).mock.calls[0]?.[2].signal).not.toBe(signal);
      expect(here.events).toMatchObject([{ text: `Cannot flatten layer ${below}: odd` }]);
    },
  );

  it("that is longer is flattened before it is used", async () => {
    const [below, top] = chainOf(flattenBeforeUseFrom + 1);
    const start = vi.spyOn(here.context.background, "start");
    await using writer = await beginLayer(here, id);
    vi.mocked(flattenLayer).mockRejectedValueOnce(new Error("odd"));
    await expect(writer.createDisk(top, signal)).rejects.toThrow("odd");
    expect(start).not.toHaveBeenCalled();
    expect(vi.mocked(flattenLayer).mock.calls).toEqual([[here.context, below, { fromLength, signal }]]);
  });

  it("is flattened below a layer from elsewhere as well", async () => {
    const [below, top] = chainOf(fromLength + 1);
    await using writer = await beginLayer(here, id);
    await writer.importLayer({ parent: top, digest: "", write: async () => undefined });
    await here.context.background.stop();
    expect(vi.mocked(flattenLayer).mock.calls).toMatchObject([[here.context, below, { fromLength }]]);
  });
});
