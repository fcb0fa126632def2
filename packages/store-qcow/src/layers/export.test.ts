import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type * as Promises from "node:fs/promises";
import { mkdtemp, rm as remove } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { diskIn, type ExportOptions, type LayerId, layerLock, resultDirectory } from "@ob/core";
import { convert, isFree } from "@ob/qcow2";
import type * as Qcow2 from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { idOf } from "../temporary-store.test.helper.ts";
import { exportDisk } from "./export.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";

/** Called with each file or directory that is flushed. */
const flushes = vi.hoisted((): { onFlush: (path: string) => void } => ({ onFlush: () => undefined }));
vi.mock("@ob/qcow2", async (original) => ({
  ...(await original<typeof Qcow2>()),
  // It runs qemu-img.
  convert: vi.fn<typeof convert>(),
  syncPath: async (path: string) => flushes.onFlush(path),
}));
vi.mock("node:fs/promises", async (original) => {
  const all = await original<typeof Promises>();
  return { ...all, link: vi.fn<typeof all.link>(all.link), stat: vi.fn<typeof all.stat>(all.stat) };
});
const fs = await import("node:fs/promises");

let here: PlainStore;
let layer: LayerId;
let directory: string;
let path: string;
beforeEach(async () => {
  here = await plainStore();
  layer = here.add("layer");
  directory = await mkdtemp(join(tmpdir(), "ob-export-"));
  path = join(directory, "out");
  flushes.onFlush = () => undefined;
  convertTo("the disk");
  vi.mocked(convert).mockClear();
});
afterEach(async () => {
  await remove(directory, { recursive: true });
  await here[Symbol.asyncDispose]();
});

function convertTo(text: string): void {
  vi.mocked(convert).mockImplementation(async (_disk, partial) => writeFileSync(partial, text));
}

const exporting = (options: Partial<ExportOptions> = {}, id = layer) =>
  exportDisk(here.context, id, { path, ...options });
const files = () => readdirSync(directory);
const content = () => readFileSync(path, "utf8");
const isThere = () => ({
  ...{ code: "USAGE", message: `There is already a file ${path}.`, data: { existing: path } },
  hint: "Choose another name.",
});

describe("an export", () => {
  it("is written beside its target, while the layer is kept, and appears there when it is on disk", async () => {
    const disk = diskIn(resultDirectory(here.context.layout, layer));
    const seen: unknown[] = [];
    flushes.onFlush = (flushed) => seen.push([dirname(flushed), flushed, existsSync(path)]);
    vi.mocked(convert).mockImplementation(async (_disk, partial) => {
      expect(isFree(layerLock(here.context.layout, layer))).toBe(false);
      writeFileSync(partial, "the disk");
    });
    await exporting({ path: relative(process.cwd(), path) });
    expect([files(), content()]).toEqual([["out"], "the disk"]);
    const [[from, partial, options] = []] = vi.mocked(convert).mock.calls;
    expect([from, dirname(partial ?? "")]).toEqual([disk, directory]);
    const { emit } = here.context;
    expect(options).toEqual({ to: "qcow2", compress: false, signal: undefined, emit });
    expect(seen).toEqual([
      [directory, partial, false],
      [dirname(directory), directory, true],
    ]);
    expect(isFree(layerLock(here.context.layout, layer))).toBe(true);
  });

  it("has the format that is asked for", async () => {
    const { signal } = new AbortController();
    await exporting({ format: "vmdk", compress: true, signal });
    expect(vi.mocked(convert).mock.calls[0]?.[2]).toMatchObject({ to: "vmdk", compress: true, signal });
  });

  it("that fails, or is cancelled before, leaves nothing", async () => {
    const odd = new Error("odd");
    vi.mocked(convert).mockImplementationOnce(async (_disk, partial) => {
      writeFileSync(partial, "half");
      throw odd;
    });
    await expect(exporting()).rejects.toBe(odd);
    await expect(exporting({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "CANCELLED" });
    expect(files()).toEqual([]);
    expect(isFree(layerLock(here.context.layout, layer))).toBe(true);
  });

  it("of a layer that is not there is an error, also after a signal another", async () => {
    await expect(exporting({}, idOf("none"))).rejects.toMatchObject({ code: "NO_SUCH_LAYER" });
    const signal = AbortSignal.abort();
    await expect(exporting({ signal }, idOf("none"))).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

describe("a file at the target", () => {
  it("stays, unless it is to be overwritten", async () => {
    writeFileSync(path, "mine");
    await expect(exporting()).rejects.toMatchObject(isThere());
    expect([content(), vi.mocked(convert).mock.calls]).toEqual(["mine", []]);
    await exporting({ overwrite: true });
    expect([files(), content()]).toEqual([["out"], "the disk"]);
  });

  it("stays if it appears meanwhile, also on a file system without links", async () => {
    vi.mocked(convert).mockImplementation(async (_disk, partial) => {
      writeFileSync(partial, "the disk");
      writeFileSync(path, "mine");
    });
    await expect(exporting()).rejects.toMatchObject(isThere());
    await remove(path);
    vi.mocked(fs.link).mockRejectedValueOnce(Object.assign(new Error("no links"), { code: "EPERM" }));
    await expect(exporting()).rejects.toMatchObject(isThere());
    expect([files(), content()]).toEqual([["out"], "mine"]);
  });

  it("stays if it is a link to nothing", async () => {
    symlinkSync("none", path);
    await expect(exporting()).rejects.toMatchObject(isThere());
    expect(readlinkSync(path)).toBe("none");
  });

  it("is a renamed one on a file system without links", async () => {
    vi.mocked(fs.link).mockRejectedValueOnce(Object.assign(new Error("no links"), { code: "EPERM" }));
    await exporting();
    expect([files(), content()]).toEqual([["out"], "the disk"]);
  });
});

describe("a target", () => {
  it("in a directory that is not there is an error that names it", async () => {
    const missing = join(directory, "none");
    await expect(exporting({ path: join(missing, "out") })).rejects.toMatchObject({
      ...{ code: "USAGE", cause: { code: "ENOENT" } },
      message: expect.stringContaining(`The directory ${missing} cannot be opened: ENOENT`),
    });
  });

  it("under a file is an error", async () => {
    writeFileSync(path, "");
    await expect(exporting({ path: join(path, "x") })).rejects.toMatchObject({
      ...{ code: "USAGE", message: `${path} is not a directory.` },
    });
  });

  it("that is a directory or a device is an error, whatever is to be overwritten", async () => {
    mkdirSync(path);
    for (const overwrite of [false, true]) {
      await expect(exporting({ overwrite })).rejects.toMatchObject({
        ...{ code: "USAGE", message: `${path} is a directory; name a file.` },
      });
      await expect(exporting({ path: "/dev/null", overwrite })).rejects.toMatchObject({
        ...{ code: "USAGE", message: "/dev/null is not a file: it cannot be replaced." },
      });
    }
  });

  it("that cannot be looked at is an error", async () => {
    const { stat } = await vi.importActual<typeof Promises>("node:fs/promises");
    const denied = Object.assign(new Error("denied"), { code: "EACCES" });
    vi.mocked(fs.stat).mockImplementation((async (file: string) => {
      if (file === path) throw denied;
      return await stat(file);
    }) as typeof stat);
    await expect(exporting()).rejects.toBe(denied);
    vi.mocked(fs.stat).mockImplementation(stat);
  });
});

it("a raw disk that begins like that of a format is refused, and one of a format is not", async () => {
  convertTo("KDMV and more");
  await expect(exporting({ format: "raw" })).rejects.toMatchObject({
    ...{ code: "BAD_SOURCE", hint: "Another format than raw cannot be mistaken." },
    message: `The disk of layer ${layer} begins like a vmdk file: a program could take it for one, and open other files for it.`,
  });
  expect(files()).toEqual([]);
  await exporting({ format: "vmdk" });
  convertTo("plain");
  await exporting({ format: "raw", overwrite: true });
  expect(content()).toBe("plain");
});
