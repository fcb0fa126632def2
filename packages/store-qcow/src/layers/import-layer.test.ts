import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { layerBackingPath, type LayerId, resultDirectory, type StorePath, within } from "@ob/core";
import { createOverlay, findDamage } from "@ob/qcow2";
import type * as Qcow2 from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { StoreContext } from "../context.ts";
import { idOf } from "../temporary-store.test.helper.ts";
import { importDisk } from "./import-layer.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";

vi.mock("@ob/qcow2", async (original) => ({
  ...(await original<typeof Qcow2>()),
  // It runs qemu-img.
  findDamage: vi.fn<typeof findDamage>(),
}));

const id = idOf("foreign");
const size = 1 << 20;
const { signal } = new AbortController();
let here: PlainStore;
let base: LayerId;
let disk: StorePath;
let good: Buffer;
beforeEach(async () => {
  here = await plainStore();
  base = here.add("base");
  const rootfs = within(resultDirectory(here.context.layout, id), "rootfs");
  mkdirSync(rootfs, { recursive: true });
  const made = within(rootfs, "made");
  await createOverlay(made, { backing: layerBackingPath(base) });
  good = readFileSync(made);
  disk = within(rootfs, "image.qcow2");
  vi.mocked(findDamage).mockReset();
});
afterEach(async () => await here[Symbol.asyncDispose]());

const sha256Of = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

interface Import {
  readonly write?: (path: string) => void;
  readonly digest?: string;
  readonly virtualSize?: number;
  readonly confine?: StoreContext["confine"];
}

async function importing({ write, digest = sha256Of(good), virtualSize = size, confine }: Import = {}) {
  const source = { parent: base, digest, write: async (path: string) => (write ?? writeGood)(path) };
  const chain = { virtualSize, files: [] };
  await importDisk(source, { id, disk, chain, signal }, { ...here.context, confine });
}

const writeGood = (path: string): void => writeFileSync(path, good, { mode: 0o666 });
const refusal = (why: string) => ({
  ...{ code: "STORE", data: { problem: "corrupt" } },
  message: `The disk of layer ${id} that came from elsewhere is refused: ${why}.`,
  hint: "It was damaged on its way, or changed by somebody.",
});

describe("the disk of a layer from elsewhere", () => {
  it("is written to its place, for its owner only, and checked confined", async () => {
    const confine = vi.fn<NonNullable<StoreContext["confine"]>>();
    await importing({ confine });
    expect(readFileSync(disk)).toEqual(good);
    expect(statSync(disk).mode & 0o777).toBe(0o600);
    const { emit } = here.context;
    expect(vi.mocked(findDamage).mock.calls).toEqual([[disk, { confine, signal, emit }]]);
  });

  it("is written with the signal", async () => {
    const write = vi.fn<(path: string, signal: AbortSignal | undefined) => Promise<void>>(async (path) =>
      writeGood(path),
    );
    const source = { parent: base, digest: sha256Of(good), write };
    await importDisk(
      source,
      { id, disk, chain: { virtualSize: size, files: [] }, signal },
      { ...here.context },
    );
    expect(write.mock.calls).toEqual([[disk, signal]]);
  });

  it.each([
    ["a directory", (path: string) => mkdirSync(path)],
    [
      "a link",
      (path: string) => {
        writeGood(`${path}-2`);
        symlinkSync(`${path}-2`, path);
      },
    ],
  ])("is not %s", async (_, write) => {
    await expect(importing({ write })).rejects.toMatchObject(refusal("it is not a file"));
  });

  it("has the sha256 that was told", async () => {
    const digest = sha256Of(Buffer.from("other"));
    const why = `its sha256 is ${sha256Of(good)}, not ${digest}`;
    await expect(importing({ digest })).rejects.toMatchObject(refusal(why));
    expect(vi.mocked(findDamage)).not.toHaveBeenCalled();
  });

  it("is not smaller than its parent's, and is on it", async () => {
    await expect(importing({ virtualSize: size + 512 })).rejects.toThrow("smaller than its backing file");
    const other = Buffer.from(good.toString("latin1").replace(base, idOf("other")), "latin1");
    const write = (path: string): void => writeFileSync(path, other);
    await expect(importing({ write, digest: sha256Of(other) })).rejects.toThrow("its backing file is");
    expect(vi.mocked(findDamage)).not.toHaveBeenCalled();
  });

  it("is refused if it is damaged", async () => {
    vi.mocked(findDamage).mockResolvedValueOnce("its tables overlap");
    await expect(importing()).rejects.toMatchObject(refusal("its tables overlap"));
  });
});
