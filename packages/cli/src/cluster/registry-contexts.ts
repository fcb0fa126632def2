import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BuildRequest, contextArchive } from "@ob/builder";
import type { ContextTransport } from "@ob/cluster";
import { type Emit, ObError, type Store } from "@ob/core";
import type { Registry } from "@ob/registry";
import { unpackArchive } from "../unpack/unpack-archive.ts";

type ContextRegistry = Pick<Registry, "pushContext" | "findContext" | "pullContext">;

export interface SentContextOptions {
  readonly registry: ContextRegistry;
  readonly request: BuildRequest;
  /** The store that the build is planned in. */
  readonly store: Store;
}

/** Pushes the context of one build: what its copies take. */
export function sentContext({ registry, request, store }: SentContextOptions): ContextTransport {
  return {
    publish: async (_source, signal) => {
      const tar = await contextArchive(request, { store, signal });
      return (await registry.pushContext({ tar, signal })).manifestDigest;
    },
    fetch: () => {
      throw new RangeError("a client fetches no context");
    },
  };
}

/** Pulls contexts to a worker. Builds that run at the same time share one directory. */
export function receivedContexts({
  registry,
  emit,
}: {
  readonly registry: ContextRegistry;
  readonly emit: Emit;
}): ContextTransport {
  const open = new Map<string, { readonly directory: Promise<string>; users: number }>();
  const release = async (digest: string) => {
    const shared = open.get(digest);
    if (!shared || --shared.users > 0) return;
    open.delete(digest);
    const directory = await shared.directory.catch(() => undefined);
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  };
  return {
    publish: () => {
      throw new RangeError("a worker publishes no context");
    },
    fetch: async (digest, signal = new AbortController().signal) => {
      const shared = open.get(digest) ?? { directory: receive(digest, { registry, emit, signal }), users: 0 };
      shared.users++;
      open.set(digest, shared);
      try {
        const directory = join(await shared.directory, "files");
        let isOpen = true;
        return {
          directory,
          [Symbol.asyncDispose]: async () => {
            if (isOpen) await release(digest);
            isOpen = false;
          },
        };
      } catch (error) {
        await release(digest);
        throw error;
      }
    },
  };
}

interface Receiving {
  readonly registry: ContextRegistry;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** @returns a new directory, whose `files` has the context. */
async function receive(digest: string, { registry, emit, signal }: Receiving): Promise<string> {
  const context = await registry.findContext(digest, { signal });
  const directory = await mkdtemp(join(tmpdir(), "obuilder-context-"));
  try {
    const [tar, files] = [join(directory, "context.tar"), join(directory, "files")];
    await mkdir(files);
    if (!context || !(await registry.pullContext(context, tar, { signal }))) {
      throw new ObError("REGISTRY", `The registry no longer has the build context ${digest}.`);
    }
    await unpackArchive(createReadStream(tar), { directory: files, signal, emit });
    await rm(tar);
    return directory;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}
