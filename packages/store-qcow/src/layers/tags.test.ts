import { rmSync, writeFileSync } from "node:fs";
import { type LayerId, layerLock, noSuchTag, resultDirectory, within } from "@ob/core";
import { isFree } from "@ob/qcow2";
import type * as Qcow2 from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TagTable } from "../db/tag-table.ts";
import { idOf } from "../temporary-store.test.helper.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";
import { findTagged, tagLayer } from "./tags.ts";

vi.mock("@ob/qcow2", async (original) => {
  const all = await original<typeof Qcow2>();
  return { ...all, waitForLock: vi.fn<typeof all.waitForLock>(all.waitForLock) };
});
const { waitForLock } = await import("@ob/qcow2");

let here: PlainStore;
let base: LayerId;
let leaf: LayerId;
beforeEach(async () => {
  here = await plainStore();
  base = here.add("base");
  leaf = here.add("leaf", here.add("middle", base));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await here[Symbol.asyncDispose]();
});

describe("tagging a layer", () => {
  it("is done behind the gate, while the layer is locked", async () => {
    const { layout } = here.context;
    const locks = [layerLock(layout, leaf), within(layout.locks, "gate")];
    const seen: unknown[] = [];
    const { set } = TagTable.prototype;
    vi.spyOn(TagTable.prototype, "set").mockImplementation(function (this: TagTable, id, names) {
      seen.push(locks.map(isFree));
      set.call(this, id, names);
    });
    const { signal } = new AbortController();
    await tagLayer(here.context, leaf, { names: ["one", "two"], signal });
    expect(seen).toEqual([[false, false]]);
    expect(vi.mocked(waitForLock).mock.calls.at(-1)).toEqual([locks[1], "shared", signal]);
    expect(locks.map(isFree)).toEqual([true, true]);
    expect(here.context.database.tags.list().map(({ name, id }) => [name, id])).toEqual([
      ["one", leaf],
      ["two", leaf],
    ]);
  });

  it("that is not there is an error, and no tag", async () => {
    const tagging = tagLayer(here.context, idOf("none"), { names: ["x"], signal: undefined });
    await expect(tagging).rejects.toMatchObject({ code: "NO_SUCH_LAYER" });
    expect(here.context.database.tags.list()).toEqual([]);
  });
});

describe("the image obuilder:NAME", () => {
  it("is the layer with that tag, on the base layer under it", async () => {
    here.context.database.tags.set(leaf, ["mine"]);
    here.context.database.tags.set(base, ["low"]);
    const [mine, low] = ["obuilder:mine", "obuilder:low"];
    expect(await findTagged(here.context, mine)).toEqual({ name: mine, id: leaf, present: true, base });
    expect(await findTagged(here.context, low)).toEqual({ name: low, id: base, present: true, base });
  });

  it("is no tag under another name, nor where there is such a file", async () => {
    here.context.database.tags.set(leaf, ["mine"]);
    expect(await findTagged(here.context, "debian")).toBeUndefined();
    writeFileSync(within(here.context.layout.baseImages, "obuilder:mine.qcow2"), "");
    expect(await findTagged(here.context, "obuilder:mine")).toBeUndefined();
  });

  it("without that tag, or without its layer, is an error that knows the others", async () => {
    here.context.database.tags.set(leaf, ["mine", "minx"]);
    const expected = ({ message, hint, code }: Error & { hint?: unknown; code?: unknown }) => ({
      ...{ message, hint, code },
    });
    await expect(findTagged(here.context, "obuilder:ming")).rejects.toMatchObject(
      expected(noSuchTag("ming", ["mine", "minx"])),
    );
    rmSync(resultDirectory(here.context.layout, leaf), { recursive: true });
    await expect(findTagged(here.context, "obuilder:mine")).rejects.toMatchObject(
      expected(noSuchTag("mine", ["mine", "minx"])),
    );
  });
});
