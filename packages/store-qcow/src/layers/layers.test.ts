import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { diskIn, type LayerId, resultDirectory, within } from "@ob/core";
import { waitForLock } from "@ob/qcow2";
import type * as Qcow2 from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { idOf } from "../temporary-store.test.helper.ts";
import { addPending, findBehindGate, findLayer, layerInPath, layerOnDisk } from "./layers.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";

vi.mock("@ob/qcow2", async (original) => {
  const all = await original<typeof Qcow2>();
  return { ...all, waitForLock: vi.fn<typeof all.waitForLock>(all.waitForLock) };
});

let here: PlainStore;
let base: LayerId;
let child: LayerId;
beforeEach(async () => {
  here = await plainStore();
  base = here.add("base");
  child = here.add("child", base);
  vi.mocked(waitForLock).mockClear();
});
afterEach(async () => await here[Symbol.asyncDispose]());

const layerOf = (id: LayerId) => {
  const directory = resultDirectory(here.context.layout, id);
  return { id, directory, disk: diskIn(directory) };
};
const added = (id: LayerId) => ({
  ...{ type: "log", level: "info" },
  text: `Layer ${id} was not in the database; added it.`,
});
const parents = () => here.context.database.list().map(({ id, parent }) => [id, parent]);

describe("a layer", () => {
  it("is there if its disk is", async () => {
    const { layout } = here.context;
    expect(await layerOnDisk(layout, child)).toEqual(layerOf(child));
    rmSync(layerOf(child).disk);
    expect(await layerOnDisk(layout, child)).toBeUndefined();
    expect(await findLayer(here.context, child)).toBeUndefined();
    expect(await findBehindGate(here.context, child)).toBeUndefined();
  });

  it("that has a row is found without the gate, and nothing is said", async () => {
    expect(await findLayer(here.context, child)).toEqual(layerOf(child));
    expect(await findBehindGate(here.context, child)).toEqual(layerOf(child));
    expect(await findLayer(here.context, idOf("none"))).toBeUndefined();
    expect(vi.mocked(waitForLock)).not.toHaveBeenCalled();
    expect(here.events).toEqual([]);
  });

  it("without a row is added behind the gate, after the layers under it", async () => {
    const leaf = here.add("leaf", child);
    here.context.database.remove([leaf, child, base]);
    expect(await findLayer(here.context, leaf)).toEqual(layerOf(leaf));
    expect(vi.mocked(waitForLock).mock.calls).toEqual([
      [within(here.context.layout.locks, "gate"), "shared", undefined],
    ]);
    expect(new Map(parents() as [LayerId, LayerId | undefined][])).toEqual(
      new Map([
        [base, undefined],
        [child, base],
        [leaf, child],
      ]),
    );
    expect(here.events).toEqual([base, child, leaf].map(added));
  });

  it("without a row has the parent that it was about to be published with", async () => {
    const [other, alone] = [here.add("other"), here.add("alone", base)];
    const { database } = here.context;
    database.remove([child, alone]);
    database.markPending(child, other);
    database.markPending(alone, undefined);
    await findLayer(here.context, alone);
    await findLayer(here.context, child);
    expect([database.parentOf(child), database.parentOf(alone)]).toEqual([other, undefined]);
    expect([database.has(alone), database.pending()]).toEqual([true, []]);
  });

  it("without a row has no parent if that is not there, or its disk tells none", async () => {
    const odd = here.add("odd");
    writeFileSync(layerOf(odd).disk, "this is not a disk");
    const { database } = here.context;
    database.remove([child, base, odd]);
    rmSync(layerOf(base).directory, { recursive: true });
    await findLayer(here.context, child);
    await findLayer(here.context, odd);
    expect(new Set(parents().flat())).toEqual(new Set([child, odd, undefined]));
  });
});

describe("layers that were about to be published", () => {
  it("are added if they were, and forgotten", async () => {
    const { database, layout } = here.context;
    const missing = idOf("missing");
    database.remove([child]);
    database.markPending(child, base);
    database.markPending(missing, base);
    mkdirSync(resultDirectory(layout, missing));
    await addPending(here.context);
    expect([database.parentOf(child), database.has(missing)]).toEqual([base, false]);
    expect(database.pending()).toEqual([]);
    expect(here.events).toEqual([added(child)]);
    // Its caller is behind the gate already.
    expect(vi.mocked(waitForLock)).not.toHaveBeenCalled();
  });
});

describe("the path of a disk", () => {
  const id = idOf("x");
  it.each([
    [`/store/result/${id}/rootfs/image.qcow2`, id],
    [`../../../result/${id}/rootfs/image.qcow2`, id],
    [`result/${id}/rootfs/image.qcow2`, id],
    [`/store/my-result/${id}/rootfs/image.qcow2`, undefined],
    [`/store/result/${id}/rootfs/image.qcow2.old`, undefined],
    [`/store/result/${id}/rootfs/image-qcow2`, undefined],
    [`/store/result/${id.slice(1)}/rootfs/image.qcow2`, undefined],
    [`/store/result/${id.toUpperCase()}/rootfs/image.qcow2`, undefined],
    [`/store/result/${id}/rootfs/base.qcow2`, undefined],
  ])("%s", (path, expected) => {
    expect(layerInPath(path)).toBe(expected);
  });
});
