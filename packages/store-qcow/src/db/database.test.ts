import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type LayerId, sha256 } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { idOf } from "../temporary-store.test.helper.ts";
import { StoreDatabase } from "./database.ts";

let directory: string;
let file: string;
let database: StoreDatabase;
/** Another connection, as another program has one. */
let raw: DatabaseSync;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-db-"));
  file = join(directory, "db.sqlite");
  database = new StoreDatabase(file);
  raw = new DatabaseSync(file);
});
afterEach(async () => {
  vi.restoreAllMocks();
  raw.close();
  database.close();
  await rm(directory, { recursive: true });
});

const [base, left, right, leaf] = ["base", "left", "right", "leaf"].map(idOf) as [
  LayerId,
  LayerId,
  LayerId,
  LayerId,
];

/** A base layer with two layers on it, one of which has another one on it. */
function insertTree(): void {
  database.insert(base, undefined);
  database.insert(left, base);
  database.insert(right, base);
  database.insert(leaf, left);
}

function setUsed(id: LayerId, day: number): void {
  raw.prepare("UPDATE builds SET used = ? WHERE id = ?").run(`2024-01-0${day} 12:00:00`, id);
}

/** How many layers the original takes for dependents of each. */
const counts = () =>
  new Map(
    raw
      .prepare("SELECT id, rc FROM builds")
      .all()
      .map((row) => [row["id"], row["rc"]]),
  );

const ids = () => database.list().map(({ id }) => id);

describe("layers", () => {
  it("have parents, and are counted as their dependents once", () => {
    insertTree();
    insertTree();
    expect(database.parentOf(leaf)).toBe(left);
    expect(database.parentOf(base)).toBeUndefined();
    expect(database.parentOf(idOf("no such"))).toBeUndefined();
    expect([database.has(leaf), database.has(idOf("no such"))]).toEqual([true, false]);
    const expected = new Map<LayerId, number>([
      [base, 2],
      [left, 1],
      [right, 0],
      [leaf, 0],
    ]);
    expect(counts()).toEqual(expected);
    expect(new Map(database.list().map(({ id, dependents }) => [id, dependents]))).toEqual(expected);
  });

  it("are listed by their last use, with their times", () => {
    insertTree();
    for (const [index, id] of [right, base, leaf, left].entries()) setUsed(id, index + 1);
    expect(ids()).toEqual([right, base, leaf, left]);
    const [first] = database.list();
    expect(first).toMatchObject({
      id: right,
      parent: base,
      dependents: 0,
      lastUsed: new Date("2024-01-01T12:00:00Z"),
    });
    expect(Math.abs((first?.created.getTime() ?? 0) - Date.now())).toBeLessThan(600_000);
    database.recordUse([right, idOf("no such")]);
    expect(ids()).toEqual([base, leaf, left, right]);
    expect(database.list().at(-1)?.lastUsed.getTime()).toBeGreaterThan(Date.parse("2024-01-09"));
  });

  it("need their parent, and nothing is left of one without", () => {
    database.markPending(leaf, left);
    expect(() => database.insert(leaf, left)).toThrow(/FOREIGN KEY/);
    expect(ids()).toEqual([]);
    expect(database.pending()).toEqual([{ id: leaf, parent: left }]);
  });

  it("with an id that is none are not seen", () => {
    raw.exec("INSERT INTO builds VALUES ('odd', '2024-01-01 12:00:00', '2024-01-01 12:00:00', 0, NULL)");
    expect(ids()).toEqual([]);
    expect(database.unused(new Date(), { tagged: false, limit: 9 })).toEqual([]);
    database.insert(base, undefined);
    raw.prepare("UPDATE builds SET parent = ? WHERE id = 'odd'").run(base);
    expect(database.descendants(base)).toEqual([base]);
  });

  it("that depend on one come before it", () => {
    insertTree();
    const family = database.descendants(base);
    expect(family[0]).toBe(leaf);
    expect(new Set(family.slice(1, 3))).toEqual(new Set([left, right]));
    expect(family[3]).toBe(base);
    expect(database.descendants(left)).toEqual([leaf, left]);
    expect(database.descendants(idOf("no such"))).toEqual([]);
  });

  it("are unused without dependents, tags and later uses; the least recently used is the first", () => {
    insertTree();
    for (const [index, id] of [base, leaf, right, left].entries()) setUsed(id, index + 1);
    const unused = (day: number, options: { tagged?: boolean; limit?: number } = {}) =>
      database.unused(new Date(`2024-01-0${day}T00:00:00Z`), { tagged: false, limit: 9, ...options });
    expect(unused(5)).toEqual([leaf, right]);
    expect(unused(3)).toEqual([leaf]);
    expect(unused(1)).toEqual([]);
    expect(unused(5, { limit: 1 })).toEqual([leaf]);
    database.tags.set(leaf, ["kept"]);
    expect(unused(5)).toEqual([right]);
    expect(unused(5, { tagged: true })).toEqual([leaf, right]);
  });
});

describe("layers that are removed", () => {
  it("are no dependents any more, and nothing is left of them", () => {
    insertTree();
    const state = { size: 1, mtimeNs: 2n };
    for (const id of [leaf, right]) {
      database.recordBaseImage(`image of ${id}`, { ...state, id, sha256: undefined });
      database.recordDiskDigest(id, state, { sha256: sha256(id), ofFile: true });
      database.tags.set(id, [id.slice(0, 8)]);
      database.steps.record(id, { op: "run", heading: "x", inputs: {} }, 1);
      database.markPending(id, base);
    }
    database.remove([leaf, idOf("no such"), left]);
    expect(new Set(ids())).toEqual(new Set([base, right]));
    expect(counts().get(base)).toBe(1);
    for (const table of ["base_images", "layer_digests", "layer_tags", "layer_steps", "pending_layers"])
      expect(raw.prepare(`SELECT id FROM ${table}`).all()).toEqual([{ id: right }]);
  });

  it("go all or not at all: none that another depends on", () => {
    insertTree();
    expect(() => database.remove([right, left])).toThrow(/FOREIGN KEY/);
    expect(ids()).toHaveLength(4);
    expect(counts().get(base)).toBe(2);
    // The next transaction is not in the failed one.
    database.remove([right]);
    expect(ids()).toHaveLength(3);
  });

  it("never make a count less than nothing", () => {
    insertTree();
    raw.exec("UPDATE builds SET rc = 0");
    database.remove([leaf]);
    expect(counts().get(left)).toBe(0);
  });
});

describe("layers that are about to be published", () => {
  it("are marked until they are inserted or cleared", () => {
    database.markPending(base, undefined);
    database.markPending(left, right);
    database.markPending(left, base);
    expect(database.pending()).toEqual([
      { id: base, parent: undefined },
      { id: left, parent: base },
    ]);
    database.insert(base, undefined);
    expect(database.pending()).toEqual([{ id: left, parent: base }]);
    database.clearPending(left);
    expect(database.pending()).toEqual([]);
  });

  it("are flushed to the disk before the call returns, also one that fails", () => {
    const exec = vi.spyOn(DatabaseSync.prototype, "exec");
    database.markPending(base, undefined);
    const flushed = [
      ["PRAGMA synchronous = FULL"],
      ["BEGIN IMMEDIATE"],
      ["COMMIT"],
      ["PRAGMA synchronous = NORMAL"],
    ];
    expect(exec.mock.calls).toEqual(flushed);
    exec.mockClear();
    database.insert(base, undefined);
    expect(exec.mock.calls).toEqual([["BEGIN IMMEDIATE"], ["COMMIT"]]);
    raw.exec("DROP TABLE pending_layers");
    exec.mockClear();
    expect(() => database.markPending(left, base)).toThrow(/pending_layers/);
    expect(exec.mock.calls).toEqual([flushed[0], flushed[1], ["ROLLBACK"], flushed[3]]);
  });
});

describe("base images", () => {
  const record = (size: number, id: LayerId, digest?: string) => ({
    size,
    mtimeNs: 2n ** 62n + 1n,
    id,
    sha256: digest,
  });

  it("are known by the states that they were seen in, the newest first", () => {
    database.recordBaseImage("debian", record(1, base));
    database.recordBaseImage("debian", record(2, left, sha256("x")));
    database.recordBaseImage("other", record(1, right));
    expect(database.baseImages("debian")).toEqual([record(2, left, sha256("x")), record(1, base)]);
    expect(database.baseImages("none")).toEqual([]);
    expect([database.baseImageName(base), database.baseImageName(leaf)]).toEqual(["debian", undefined]);
    database.recordBaseImage("renamed", record(9, base));
    expect(database.baseImageName(base)).toBe("renamed");
  });

  it("forget the former states of a layer that is made again", () => {
    database.recordBaseImage("debian", record(1, base));
    database.recordBaseImage("debian", record(2, base), { replace: false });
    expect(database.baseImages("debian").map(({ size }) => size)).toEqual([2, 1]);
    database.recordBaseImage("debian", record(1, left));
    expect(database.baseImages("debian").map(({ size, id }) => [size, id])).toEqual([
      [1, left],
      [2, base],
    ]);
    database.recordBaseImage("debian", record(3, base), { replace: true });
    expect(database.baseImages("debian").map(({ size, id }) => [size, id])).toEqual([
      [3, base],
      [1, left],
    ]);
  });
});

it("the digests of a disk are those of its state, in the order in which they were recorded", () => {
  const state = { size: 10, mtimeNs: 5n };
  database.recordDiskDigest(base, state, { sha256: "b", ofFile: false });
  database.recordDiskDigest(base, state, { sha256: "a", ofFile: true });
  database.recordDiskDigest(base, state, { sha256: "b", ofFile: true });
  expect(database.diskDigests(base, state)).toEqual([
    { sha256: "b", ofFile: false },
    { sha256: "a", ofFile: true },
  ]);
  expect(database.diskDigests(base, { ...state, size: 11 })).toEqual([]);
  expect(database.diskDigests(base, { ...state, mtimeNs: 6n })).toEqual([]);
  expect(database.diskDigests(left, state)).toEqual([]);
});

describe("a database", () => {
  it("is in WAL mode, as that of the original, and keeps what was written", () => {
    insertTree();
    expect(raw.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    database.close();
    database.close();
    using again = new StoreDatabase(file);
    expect(again.list()).toHaveLength(4);
  });

  it("is flushed with its checkpoints, and not with each transaction", () => {
    const exec = vi.spyOn(DatabaseSync.prototype, "exec");
    using other = new StoreDatabase(join(directory, "other"));
    expect(other.list()).toEqual([]);
    expect(exec).toHaveBeenCalledWith("PRAGMA synchronous = NORMAL");
  });

  it("is closed with its scope, and after an error", async () => {
    const close = vi.spyOn(DatabaseSync.prototype, "close");
    {
      using other = new StoreDatabase(join(directory, "other"));
      expect(other.list()).toEqual([]);
    }
    expect(close).toHaveBeenCalledTimes(1);
    const text = join(directory, "text");
    await writeFile(text, "this is not a database, and long enough to be looked at ".repeat(40));
    expect(() => new StoreDatabase(text)).toThrow(/not a database/);
    expect(close).toHaveBeenCalledTimes(2);
  });
});
