import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Layer, type LayerId, run } from "@ob/core";
import { testTime } from "@ob/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BackgroundWork } from "../background.ts";
import { startChild } from "../child.test.helper.ts";
import { readChain } from "./backing-chain.ts";
import type { StoreContext } from "../context.ts";
import { StoreDatabase } from "../db/database.ts";
import { flattenLayer } from "./flatten.ts";
import { openStore } from "../store.ts";
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
let base: Layer;
let context: StoreContext;

beforeEach(async () => {
  fixture = await temporaryStore();
  await makeImage(fixture.image("debian"), { size: "64M" });
  base = await importBase(fixture.store, "debian");
  const { layout } = fixture.store;
  const emit = () => undefined;
  const database = new StoreDatabase(layout.database);
  context = {
    layout,
    database,
    emit,
    background: new BackgroundWork(emit),
    diskSize: undefined,
    confine: undefined,
  };
});

afterEach(async () => {
  context.database.close();
  await fixture[Symbol.asyncDispose]();
});

/** A chain of layers; each fills 64 KiB of its own with its number. */
async function chain(length: number, under: LayerId = base.id, first = 1): Promise<LayerId> {
  let parent = under;
  for (let step = first; step < first + length; step += 1) {
    const layer = await makeLayer(fixture.store, {
      id: idOf(`s${step}`),
      parent,
      fill: step,
      offset: step << 20,
    });
    parent = layer.id;
  }
  return parent;
}

async function expectPatterns(disk: string, upTo: number): Promise<void> {
  for (let step = 1; step <= upTo; step += 1) {
    expect(await hasPattern(disk, { fill: step, offset: step << 20 })).toBe(true);
  }
}

const filesOf = async (id: LayerId) => (await readChain(context, id)).files;

describe("flattening", () => {
  it("changes neither the contents of a layer nor its parent, also for its dependents", async () => {
    const middle = await chain(6);
    const top = await chain(2, middle, 7);
    const before = [...fixture.store.list()].map(({ id, parent }) => ({ id, parent }));
    await flattenLayer(context, middle, { fromLength: 3 });
    expect((await filesOf(middle)).length).toBeLessThan(4);
    expect((await filesOf(top)).length).toBeLessThan(6);
    await expectPatterns((await fixture.store.find(top))?.disk ?? "", 8);
    const after = [...fixture.store.list()].map(({ id, parent }) => ({ id, parent }));
    expect(after).toEqual(before);
    expect(await fixture.store.delete(idOf("s2"))).toHaveLength(7);
    expect(await readdir(join(fixture.directory, "result-tmp"))).toEqual([]);
  });

  it("ignores a short chain", async () => {
    const top = await chain(2);
    const disk = (await fixture.store.find(top))?.disk ?? "";
    const { ino } = await stat(disk);
    await flattenLayer(context, top, { fromLength: 4 });
    expect((await stat(disk)).ino).toBe(ino);
  });

  it("does not copy a layer at the bottom that is larger than all those above it", async () => {
    const large = idOf("large");
    {
      await using writer = await fixture.store.tryBegin(large);
      const disk = (await writer?.createDisk(base.id)) ?? "";
      await run(["qemu-io", "-f", "qcow2", "-c", "write -P 9 40M 8M", disk]);
      await writer?.commit();
    }
    const top = await chain(4, large);
    await flattenLayer(context, top, { fromLength: 3 });
    expect(await filesOf(top)).toContain((await fixture.store.find(large))?.disk);
    expect((await stat((await fixture.store.find(top))?.disk ?? "")).blocks * 512).toBeLessThan(4 << 20);
    await expectPatterns((await fixture.store.find(top))?.disk ?? "", 4);
  });

  it("does not affect a process that has the old file open as a backing file", async () => {
    const middle = await chain(6);
    await using writer = await fixture.store.tryBegin(idOf("writer"));
    const disk = (await writer?.createDisk(middle)) ?? "";
    const reads = Array.from({ length: 5 }, (_, n) => n + 2);
    const commands = [
      "write -P 77 20M 64k",
      "sleep 1500",
      ...reads.map((step) => `read -P ${step} ${step}M 64k`),
    ];
    const open = run(["qemu-io", "-f", "qcow2", ...commands.flatMap((command) => ["-c", command]), disk]);
    await delay(300);
    await flattenLayer(context, middle, { fromLength: 3 });
    const { stdout } = await open;
    expect(stdout.match(/read 65536\/65536/g)).toHaveLength(reads.length);
    expect(stdout).not.toContain("failed");
    await writer?.commit();
    const { disk: kept = "" } = (await fixture.store.find(idOf("writer"))) ?? {};
    await expectPatterns(kept, 6);
    expect(await hasPattern(kept, { fill: 77, offset: 20 << 20 })).toBe(true);
  });

  it(
    "leaves a consistent layer, whenever it is killed",
    async () => {
      const middle = await chain(8);
      for (let pause = 0; pause < 6; pause += 1) {
        await using child = startChild("flatten", fixture.directory, middle);
        await child.readLine();
        await delay(pause * 15);
        await child.kill();
        await expectPatterns((await fixture.store.find(middle))?.disk ?? "", 8);
        await (await openStore({ directory: fixture.directory }))[Symbol.asyncDispose]();
        expect(await readdir(join(fixture.directory, "result-tmp"))).toEqual([]);
        await run(["qemu-img", "check", "-q", (await fixture.store.find(middle))?.disk ?? ""]);
      }
    },
    testTime(60_000),
  );

  it(
    "is started in the background of a build, and keeps the chain short",
    async () => {
      const top = await chain(24);
      while ((await filesOf(top)).length > 17) {
        // Like a step that fails: it creates its disk nevertheless.
        await using writer = await fixture.store.tryBegin(idOf("next"));
        await writer?.createDisk(top);
        await delay(50);
      }
      await expectPatterns((await fixture.store.find(top))?.disk ?? "", 24);
      expect(fixture.events.filter((event) => event.type === "log" && event.level === "warning")).toEqual([]);
    },
    testTime(60_000),
  );
});
