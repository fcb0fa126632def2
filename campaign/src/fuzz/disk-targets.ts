import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { isObError, run } from "@ob/core";
import { inspectDisk } from "@ob/qcow2";
import * as fc from "fast-check";
import type { DiskReader } from "../../../packages/qcow2/src/foreign-disk/disk-reader.ts";
import { inspectOpenDisk } from "../../../packages/qcow2/src/foreign-disk/foreign-disk.ts";
import { inspectOpenOverlay } from "../../../packages/qcow2/src/foreign-disk/overlay-qcow2.ts";
import { inspectOpenQcow2 } from "../../../packages/qcow2/src/foreign-disk/standalone-qcow2.ts";
import { isEmptyDiskIn, qcowHeaderIn, type ReadAt } from "../../../packages/qcow2/src/header.ts";
import { editedHeaders } from "./header-edits.ts";
import { mutated } from "./mutated.ts";
import { asyncTarget, type Target } from "./target.ts";
import type { OpenTargets } from "./targets.ts";

/** More is never read at once, in bytes. */
const mostAtOnce = 2 ** 21;

/** Disks that guests and strangers make. */
export async function openDiskTargets(): Promise<OpenTargets> {
  const directory = await mkdtemp(path.join(tmpdir(), "ob-fuzz-"));
  const { qcow2, overlay, others } = await exampleDisks(directory);
  // Most changes are to hit the header.
  const starts = [...qcow2, ...others].flatMap((disk) => [disk.subarray(0, 2 ** 15), disk.subarray(0, 120)]);
  const disks = fc.oneof(mutated(starts), editedHeaders(qcow2));
  const overlays = fc.oneof(mutated(overlay), editedHeaders(overlay));
  const targets = [
    asyncTarget("qcow2 headers", disks, async (bytes) => (await qcowHeaderIn(readerOf(bytes))) !== undefined),
    asyncTarget("empty qcow2 disks", disks, async (bytes) => await isEmptyDiskIn(readerOf(bytes))),
    asyncTarget(
      "qcow2 images",
      disks,
      async (bytes) => (await inspectOpenQcow2(diskOf(bytes))) !== undefined,
    ),
    asyncTarget("qcow2 overlays", overlays, async (bytes) => {
      await inspectOpenOverlay(diskOf(bytes), { backing: "base.qcow2", minSize: 1 });
    }),
    asyncTarget("foreign disks", disks, async (bytes) => {
      await inspectOpenDisk(diskOf(bytes));
    }),
    disksForQemu(path.join(directory, "disk"), fc.oneof(mutated(others), editedHeaders(qcow2))),
  ];
  return { targets, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

/** What is taken here must open no other file in QEMU. Each input starts a program: there are less of them. */
function disksForQemu(file: string, disks: fc.Arbitrary<Buffer>): Target {
  return {
    ...asyncTarget("disks that QEMU opens", disks, async (bytes) => {
      await writeFile(file, bytes);
      const { format } = await inspectDisk(file);
      const options = { driver: format, file: { driver: "file", filename: file } };
      const argv = ["qemu-img", "info", "-U", "--output=json", `json:${JSON.stringify(options)}`] as const;
      const found = await run(argv).catch((error: unknown) => {
        // QEMU may refuse what is taken here.
        if (isObError(error, "TOOL_FAILED")) return undefined;
        throw error;
      });
      if (found === undefined) return false;
      const opened = new Set(found.stdout.match(/"(?:[a-z-]*filename|data-file)": "[^"]*"/g));
      const other = [...opened].find((each) => !each.includes(JSON.stringify(file).slice(1, -1)));
      if (other !== undefined) throw new Error(`QEMU opens ${other} for a disk of the format ${format}`);
      return true;
    }),
    wanted: 20_000,
  };
}

/** A part of a file, as Node.js reads it. */
function readerOf(bytes: Buffer): ReadAt {
  return async ({ offset, length }) => {
    if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`reads at ${offset}`);
    if (length > mostAtOnce) throw new RangeError(`reads ${length} bytes at once`);
    return Buffer.from(bytes.subarray(offset, offset + length));
  };
}

function diskOf(bytes: Buffer): DiskReader {
  const read = readerOf(bytes);
  return {
    path: "/disk",
    size: bytes.length,
    read: async (offset, length) => await read({ offset, length }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Disks of each format and kind, each small: the smaller an input is, the more of them are tried. */
async function exampleDisks(directory: string): Promise<Examples> {
  const at = (name: string): string => path.join(directory, name);
  const create = (name: string, ...options: readonly string[]) =>
    run(["qemu-img", "create", "-q", "-f", ...options, at(name), "1M"]);
  const small = ["qcow2", "-o", "cluster_size=4k"] as const;
  await create("base.qcow2", ...small);
  await create("overlay", ...small, "-b", "base.qcow2", "-F", "qcow2");
  await create("old", "qcow2", "-o", "compat=0.10,cluster_size=4k");
  await create("wide", "qcow2", "-o", "extended_l2=on,cluster_size=16k");
  await create("external", "qcow2", "-o", `data_file=${at("data")},cluster_size=4k`);
  await create("kept", ...small);
  await run(["qemu-img", "snapshot", "-c", "one", at("kept")]);
  await run(["qemu-img", "bitmap", "--add", at("kept"), "b"]);
  const formats = ["vmdk", "vhdx", "vdi", "vpc", "qed", "qcow", "parallels"];
  for (const format of formats) await create(format, format);
  const read = (names: readonly string[]) => Promise.all(names.map((name) => readFile(at(name))));
  const others = await read(formats);
  return {
    qcow2: await read(["base.qcow2", "overlay", "old", "wide", "external", "kept"]),
    overlay: await read(["overlay"]),
    others: others.map((disk) => disk.subarray(0, 2 ** 18)),
  };
}

interface Examples {
  readonly qcow2: readonly Buffer[];
  readonly overlay: readonly Buffer[];
  readonly others: readonly Buffer[];
}
