import { cp, mkdir, mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { diskIn, type LayerId, resultDirectory, run, storeLayout } from "@ob/core";
import { openStore } from "@ob/store-qcow";
import { runWork } from "./run-work.ts";
import { missingPatterns } from "./scripted-guest.ts";
import { baseName } from "./spec.ts";

/** The patterns that the spec's steps write. */
const patterns = [1, 2, 3, 4, 5];

/** When the base image was last written, in seconds since 1970: a copy with another time would count as another image. */
export const imageTime = 1_700_000_000;

/** Two stores to start from, and what a store is like after the build. */
export interface Reference extends AsyncDisposable {
  /** A directory for the campaign's files. */
  readonly directory: string;
  /** Path of a store that has a base image only. */
  readonly empty: string;
  /** Path of a store that has all layers. */
  readonly full: string;
  /** The patterns of each layer's disk. */
  readonly patterns: ReadonlyMap<LayerId, readonly number[]>;
  /** The parent of each layer. */
  readonly parents: ReadonlyMap<LayerId, LayerId | undefined>;
  /** How long a build took, in milliseconds. */
  readonly buildTime: number;
}

export async function makeReference(): Promise<Reference> {
  const directory = await mkdtemp(path.join(tmpdir(), "ob-campaign-"));
  const empty = path.join(directory, "empty");
  const full = path.join(directory, "full");
  const images = storeLayout(empty).baseImages;
  await mkdir(images, { recursive: true, mode: 0o700 });
  const image = path.join(images, `${baseName}.qcow2`);
  await run(["qemu-img", "create", "-q", "-f", "qcow2", image, "16M"]);
  await utimes(image, imageTime, imageTime);
  await copyStore(empty, full);
  const started = performance.now();
  const { status, complaint, error } = await runWork(full, ["build"], { timeLimit: 600_000 });
  const buildTime = performance.now() - started;
  if (status !== 0) throw new Error(`the build without a fault fails: ${error ?? complaint}`);
  return {
    directory,
    empty,
    full,
    buildTime,
    ...(await describeLayers(full)),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Copies a store as it is. */
export async function copyStore(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, preserveTimestamps: true });
}

async function describeLayers(directory: string): Promise<Pick<Reference, "patterns" | "parents">> {
  await using store = await openStore({ directory });
  const found = new Map<LayerId, readonly number[]>();
  const parents = new Map<LayerId, LayerId | undefined>();
  for (const { id, parent } of store.list()) {
    const layerDirectory = resultDirectory(storeLayout(directory), id);
    const layer = { id, directory: layerDirectory, disk: diskIn(layerDirectory) };
    const missing = new Set(await missingPatterns(layer, patterns));
    found.set(
      id,
      patterns.filter((at) => !missing.has(at)),
    );
    parents.set(id, parent);
  }
  return { patterns: found, parents };
}
