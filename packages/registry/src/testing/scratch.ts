import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LayerId, layerId, sha256 } from "@ob/core";
import type { DiskFile } from "../artefact/layer-transfer.ts";

/** A directory of one test. */
export interface Scratch extends AsyncDisposable {
  path(name: string): string;
  /** Writes a file, and resolves with its path. */
  file(name: string, contents: string | Uint8Array): Promise<string>;
  /** Writes disks: of random bytes, and what compresses well. Their names are those of the layers. */
  chain(...names: readonly string[]): Promise<readonly DiskFile[]>;
}

export async function scratch(): Promise<Scratch> {
  const directory = await mkdtemp(join(tmpdir(), "ob-registry-"));
  const path = (name: string): string => join(directory, name);
  const file = async (name: string, contents: string | Uint8Array): Promise<string> => {
    await writeFile(path(name), contents);
    return path(name);
  };
  return {
    path,
    file,
    chain: async (...names) =>
      await Promise.all(
        names.map(async (name) => ({
          id: idOf(name),
          file: await file(
            name,
            Buffer.concat([randomBytes(10_000), Buffer.alloc(300_000), randomBytes(77)]),
          ),
        })),
      ),
    [Symbol.asyncDispose]: async () => await rm(directory, { recursive: true, force: true }),
  };
}

/** An id of a layer, made up of a name. */
export function idOf(name: string): LayerId {
  return layerId(sha256(name));
}
