import { copyFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type * as Timers from "node:timers/promises";
import { diskIn, type LayerId, layerLock, resultDirectory, sha256, sha256File, within } from "@ob/core";
import { isFree, tryLock } from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { repairChain } from "../chain/backing-chain.ts";
import type * as BackingChain from "../chain/backing-chain.ts";
import { idOf } from "../temporary-store.test.helper.ts";
import { digestsOfLayer, holdLayer } from "./held-layer.ts";
import { plainDisk, type PlainStore, plainStore } from "./plain-store.test.helper.ts";

/** Called where a reader lets others go on, with its signal. Nothing waits here. */
const pauses = vi.hoisted((): { onPause: (signal: AbortSignal | undefined) => void } => ({
  onPause: () => undefined,
}));
vi.mock("node:timers/promises", async (original) => ({
  ...(await original<typeof Timers>()),
  setTimeout: async (_milliseconds: number, _value: unknown, options?: { readonly signal?: AbortSignal }) => {
    pauses.onPause(options?.signal);
    options?.signal?.throwIfAborted();
  },
}));
vi.mock("../chain/backing-chain.ts", async (original) => {
  const all = await original<typeof BackingChain>();
  return { ...all, repairChain: vi.fn<typeof all.repairChain>(all.repairChain) };
});

let here: PlainStore;
let base: LayerId;
let middle: LayerId;
let top: LayerId;
beforeEach(async () => {
  here = await plainStore();
  base = here.add("base");
  middle = here.add("middle", base);
  top = here.add("top", middle);
  pauses.onPause = () => undefined;
});
afterEach(async () => await here[Symbol.asyncDispose]());

const diskOf = (id: LayerId) => diskIn(resultDirectory(here.context.layout, id));
const copyOf = (id: LayerId) => within(resultDirectory(here.context.layout, id), "rootfs", "base.qcow2");
const flattenLocks = (ids: readonly LayerId[]) =>
  ids.map((id) => isFree(within(here.context.layout.locks, `flat-${id}`)));

/** Makes a layer as those of the original: an overlay on its copy of the image. */
function onCopy(id: LayerId): void {
  writeFileSync(copyOf(id), plainDisk());
  writeFileSync(diskOf(id), plainDisk("base.qcow2"));
}

/** Puts something into a disk: its first table is not empty then. */
function fill(disk: string, backing?: string): void {
  const bytes = plainDisk(backing);
  bytes.writeUInt32BE(1, 36);
  bytes.writeUInt32BE(bytes.length, 44);
  writeFileSync(disk, Buffer.concat([bytes, Buffer.alloc(8, 1)]));
}

describe("a layer that is held", () => {
  it("has the disks of its chain, the base layer's first, with their sizes and digests", async () => {
    await using held = await holdLayer(here.context, top);
    const chain = await Promise.all(
      [base, middle, top].map(async (layer) => ({
        ...{ layer, disk: diskOf(layer), size: statSync(diskOf(layer)).size },
        digest: await sha256File(diskOf(layer)),
      })),
    );
    expect(held).toMatchObject({ id: top, chain, log: undefined });
  });

  it("has its log if there is one", async () => {
    const log = within(resultDirectory(here.context.layout, top), "log");
    writeFileSync(log, "done\n");
    await using held = await holdLayer(here.context, top);
    expect(held?.log).toBe(log);
  });

  it("is neither deleted nor flattened, nor are those under it, until it is let go", async () => {
    const held = await holdLayer(here.context, top);
    expect(isFree(layerLock(here.context.layout, top))).toBe(false);
    expect(flattenLocks([base, middle, top])).toEqual([false, false, false]);
    await held?.[Symbol.asyncDispose]();
    expect(isFree(layerLock(here.context.layout, top))).toBe(true);
    expect(flattenLocks([base, middle, top])).toEqual([true, true, true]);
  });

  it("that is not there is an error, and so is a signal", async () => {
    await expect(holdLayer(here.context, idOf("none"))).rejects.toMatchObject({ code: "NO_SUCH_LAYER" });
    for (const id of [top, idOf("none")])
      await expect(holdLayer(here.context, id, AbortSignal.abort())).rejects.toMatchObject({
        code: "CANCELLED",
      });
  });

  it("on a file that is no layer's is none, and is let go", async () => {
    onCopy(base);
    fill(diskOf(base), "base.qcow2");
    expect(await holdLayer(here.context, top)).toBeUndefined();
    expect(isFree(layerLock(here.context.layout, top))).toBe(true);
  });

  it("has the copy of the image in place of the original's empty base layer", async () => {
    onCopy(base);
    await using held = await holdLayer(here.context, middle);
    expect(held?.chain.map(({ layer, disk }) => [layer, disk])).toEqual([
      [base, copyOf(base)],
      [middle, diskOf(middle)],
    ]);
    expect(held?.chain[0]?.digest).toBe(sha256(plainDisk()));
  });
});

describe("a chain that is flattened while it is held", () => {
  it("is the new one, and nobody flattens it any more", async () => {
    pauses.onPause = () => {
      copyFileSync(diskOf(middle), diskOf(top));
      pauses.onPause = () => undefined;
    };
    await using held = await holdLayer(here.context, top);
    expect(held?.chain.map(({ layer }) => layer)).toEqual([base, top]);
    expect(flattenLocks([base, top])).toEqual([false, false]);
  });

  it("is read twenty times", async () => {
    const others = Array.from({ length: 25 }, (_, n) => here.add(`other ${n}`));
    let next = 0;
    pauses.onPause = () => {
      writeFileSync(diskOf(top), plainDisk(`../../../result/${others[next]}/rootfs/image.qcow2`));
      next += 1;
    };
    await expect(holdLayer(here.context, top)).rejects.toMatchObject({
      ...{ code: "STORE", message: `The backing chain of layer ${top} changes all the time.` },
    });
    expect(next).toBe(20);
    expect(isFree(layerLock(here.context.layout, top))).toBe(true);
  });

  it("is not read again after a signal", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const signals: (AbortSignal | undefined)[] = [];
    pauses.onPause = (given) => {
      signals.push(given);
      controller.abort();
    };
    await expect(holdLayer(here.context, top, signal)).rejects.toMatchObject({ code: "CANCELLED" });
    expect(signals).toEqual([signal]);
  });
});

describe("the digests of a layer", () => {
  const digests = async (id = top, signal?: AbortSignal) => await digestsOfLayer(here.context, id, signal);

  it("are those of its own disk, and need no chain once they are known", async () => {
    const expected = [await sha256File(diskOf(top))];
    expect(await digests()).toEqual(expected);
    rmSync(resultDirectory(here.context.layout, base), { recursive: true });
    expect(await digests()).toEqual(expected);
    expect(isFree(layerLock(here.context.layout, top))).toBe(true);
  });

  it("come without a repair of its chain", async () => {
    vi.mocked(repairChain).mockClear();
    await digests();
    expect(vi.mocked(repairChain)).not.toHaveBeenCalled();
  });

  it("are none of a layer that is not there, or on a file that is no layer's", async () => {
    expect(await digests(idOf("none"))).toEqual([]);
    onCopy(base);
    fill(diskOf(base), "base.qcow2");
    expect(await digests(middle)).toEqual([]);
  });

  it("are that of the copy of the image for the original's base layer", async () => {
    onCopy(base);
    expect(await digests(base)).toEqual([sha256(plainDisk())]);
  });

  it("are not waited for after a signal", async () => {
    await expect(digests(top, AbortSignal.abort())).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(digests(idOf("none"), AbortSignal.abort())).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("are none of a layer that is deleted while it is looked up", async () => {
    using making = await tryLock(layerLock(here.context.layout, top), "exclusive");
    expect(making).toBeDefined();
    pauses.onPause = () => {
      rmSync(resultDirectory(here.context.layout, top), { recursive: true, force: true });
      making?.release();
    };
    expect(await digests()).toEqual([]);
    expect(isFree(layerLock(here.context.layout, top))).toBe(true);
  });

  it("are read while nobody flattens the layer", async () => {
    const flattening = await tryLock(within(here.context.layout.locks, `flat-${top}`), "exclusive");
    expect(flattening).toBeDefined();
    pauses.onPause = () => {
      writeFileSync(diskOf(top), plainDisk());
      flattening?.release();
    };
    expect(await digests()).toEqual([sha256(plainDisk())]);
  });
});
