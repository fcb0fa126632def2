import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeTemporaryDirectory } from "@ob/core";
import type { LogArchive } from "@ob/cluster";
import { type Registry } from "@ob/registry";

const artifactType = "application/vnd.obuilder.log-chunk.v1";
const mediaType = "application/octet-stream";
/** The most bytes of a chunk that are read, whatever a manifest says. */
const largest = 2 ** 28;

/** Keeps the beginnings of long logs as artefacts of a registry. A name is the digest of a manifest. */
export function registryLogs(
  registry: Pick<Registry, "pushArtefact" | "findArtefact" | "pullBlob">,
): LogArchive {
  return {
    put: async (bytes) =>
      await withFile(async (file) => {
        await writeFile(file, bytes);
        return (await registry.pushArtefact({ artifactType, layers: [{ file, mediaType }] })).manifestDigest;
      }),
    get: async (name) => {
      const found = await registry.findArtefact(name);
      const [blob] = found?.artifactType === artifactType ? found.layers : [];
      if (!blob || blob.size > largest) return undefined;
      return await withFile(async (file) =>
        (await registry.pullBlob(blob, file)) ? await readFile(file) : undefined,
      );
    },
  };
}

async function withFile<T>(use: (file: string) => Promise<T>): Promise<T> {
  await using directory = await makeTemporaryDirectory("log");
  return await use(join(directory.path, "chunk"));
}
