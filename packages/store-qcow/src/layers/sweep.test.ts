import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import type * as Promises from "node:fs/promises";
import { type LayerId, layerLock, resultDirectory, stagingDirectory, type StorePath, within } from "@ob/core";
import { tryLock } from "@ob/qcow2";
import type * as Qcow2 from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { idOf } from "../temporary-store.test.helper.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";
import { sweep } from "./sweep.ts";

vi.mock("@ob/qcow2", async (original) => {
  const all = await original<typeof Qcow2>();
  return {
    ...all,
    completeReplacements: vi.fn<typeof all.completeReplacements>(all.completeReplacements),
  };
});
vi.mock("node:fs/promises", async (original) => {
  const all = await original<typeof Promises>();
  return { ...all, rm: vi.fn<typeof all.rm>(all.rm) };
});
const fs = await import("node:fs/promises");
const { completeReplacements } = await import("@ob/qcow2");

let here: PlainStore;
let base: LayerId;
beforeEach(async () => {
  here = await plainStore();
  base = here.add("base");
});
afterEach(async () => {
  vi.mocked(fs.rm).mockReset();
  const { rm } = await vi.importActual<typeof Promises>("node:fs/promises");
  vi.mocked(fs.rm).mockImplementation(rm);
  await here[Symbol.asyncDispose]();
});

const temporary = () => readdirSync(here.context.layout.temporary).toSorted();

/** What is left of a layer that was never finished. */
function unfinished(name: string, files: readonly string[], age = 0): StorePath {
  const directory = stagingDirectory(here.context.layout, idOf(name));
  mkdirSync(directory);
  for (const file of files) writeFileSync(within(directory, file), "");
  const then = new Date(Date.now() - age);
  if (files.includes("log")) utimesSync(within(directory, "log"), then, then);
  return directory;
}

function leave(name: string): void {
  mkdirSync(within(here.context.layout.temporary, name, "rootfs"), { recursive: true });
}

const day = 86_400_000;

describe("what is left of a layer that was never finished", () => {
  it("goes, but its log stays, and that is said", async () => {
    const directory = unfinished("x", ["env", "log", "manifest.json"]);
    await sweep(here.context);
    expect(readdirSync(directory)).toEqual(["log"]);
    const text = `Removing the files of layer ${idOf("x")}, which was never finished.`;
    expect(here.events).toEqual([{ type: "log", level: "info", text }]);
    await sweep(here.context);
    expect(readdirSync(directory)).toEqual(["log"]);
    expect(here.events).toHaveLength(1);
  });

  it("goes with its log after a week, or if it has none", async () => {
    unfinished("old", ["log", "env"], 8 * day);
    unfinished("future", ["log"], -8 * day);
    unfinished("none", ["env"]);
    unfinished("young", ["log"], 6 * day);
    await sweep(here.context);
    expect(temporary()).toEqual([idOf("young")]);
    expect(here.events).toEqual([]);
  });

  it("stays while it is being made", async () => {
    const directory = unfinished("x", ["env", "log"], 8 * day);
    using lock = await tryLock(layerLock(here.context.layout, idOf("x")), "exclusive");
    expect(lock).toBeDefined();
    await sweep(here.context);
    expect(readdirSync(directory)).toEqual(["env", "log"]);
  });
});

describe("other files of processes that have ended", () => {
  it("go: scratch disks, disks that were being flattened, and trash", async () => {
    for (const name of ["borrowed-1", `flat-${base}`, "trash-1", "mine", "my-trash-1"]) leave(name);
    await sweep(here.context);
    expect(temporary()).toEqual(["mine", "my-trash-1"]);
  });

  it("stay while their process runs", async () => {
    const { locks } = here.context.layout;
    leave("borrowed-1");
    leave(`flat-${base}`);
    using one = await tryLock(within(locks, "borrowed-1"), "exclusive");
    using two = await tryLock(within(locks, `flat-${base}`), "exclusive");
    expect([one?.mode, two?.mode]).toEqual(["exclusive", "exclusive"]);
    await sweep(here.context);
    expect(temporary()).toEqual(["borrowed-1", `flat-${base}`]);
  });

  it("go with the files of their locks", async () => {
    const { locks } = here.context.layout;
    writeFileSync(within(locks, "left"), "");
    using used = await tryLock(within(locks, "used"), "exclusive");
    expect(used).toBeDefined();
    await sweep(here.context);
    expect(readdirSync(locks)).toEqual(["used"]);
  });

  it("that cannot be removed are a warning, and do not keep the others", async () => {
    leave("trash-1");
    leave("trash-2");
    vi.mocked(fs.rm).mockRejectedValueOnce(new Error("they are root's"));
    await sweep(here.context);
    const [kept] = temporary();
    expect(temporary()).toHaveLength(1);
    const text = `Cannot remove ${here.context.layout.temporary}/${kept}: they are root's`;
    expect(here.events).toEqual([{ type: "log", level: "warning", text }]);
    expect(vi.mocked(fs.rm).mock.calls[0]?.[1]).toEqual({ recursive: true, force: true, maxRetries: 3 });
  });

  it("that another process removes are no warning", async () => {
    leave("trash-1");
    const { rm } = await vi.importActual<typeof Promises>("node:fs/promises");
    vi.mocked(fs.rm).mockImplementationOnce(async (path) => {
      await rm(path, { recursive: true });
      throw new Error("it is gone");
    });
    await sweep(here.context);
    expect([temporary(), here.events]).toEqual([[], []]);
  });
});

describe("layers that were about to be published", () => {
  it("are added if they were, and forgotten", async () => {
    const { database } = here.context;
    const child = here.add("child", base);
    const odd = idOf("odd");
    mkdirSync(resultDirectory(here.context.layout, odd));
    database.remove([child]);
    for (const id of [child, odd]) database.markPending(id, base);
    await sweep(here.context);
    expect([database.parentOf(child), database.has(odd), database.pending()]).toEqual([base, false, []]);
  });

  it("stay as they are while their process runs", async () => {
    const { database, layout } = here.context;
    database.markPending(idOf("x"), base);
    database.markPending(idOf("y"), base);
    using lock = await tryLock(layerLock(layout, idOf("x")), "exclusive");
    expect(lock).toBeDefined();
    await sweep(here.context);
    expect(database.pending()).toEqual([{ id: idOf("x"), parent: base }]);
  });
});

it("images that were being replaced are completed", async () => {
  vi.mocked(completeReplacements).mockClear();
  await sweep(here.context);
  expect(vi.mocked(completeReplacements).mock.calls).toEqual([[here.context.layout]]);
});
