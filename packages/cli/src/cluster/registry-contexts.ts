import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BuildRequest, contextArchive } from "@ob/builder";
import type { ContextTransport } from "@ob/cluster";
import {
  type Emit,
  errorMessage,
  isObError,
  ObError,
  quotedName,
  spaceGuard,
  type Store,
  makeTemporaryDirectory,
} from "@ob/core";
import type { Registry } from "@ob/registry";
import { isOfRegistry } from "../sharing/source.ts";
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

/**
 * What is wrong with the context fails the build. Only what is wrong with this worker, or with the registry, leaves it to others:
 * they would come to the same end, one after the other.
 *
 * @returns a new directory, whose `files` has the context.
 */
async function receive(digest: string, receiving: Receiving): Promise<string> {
  try {
    return await unpacked(digest, receiving);
  } catch (error) {
    const isOfContext = isObError(error, "REGISTRY") ? !isOfRegistry(error) : await wasTooLarge(error);
    throw isOfContext ? unusable(digest, errorMessage(error), error) : error;
  }
}

/** True for the error of a full disk that is no longer full without the context. */
async function wasTooLarge(error: unknown): Promise<boolean> {
  if (!isObError(error, "NO_SPACE")) return false;
  try {
    await spaceGuard(tmpdir(), { what: "a build context" }).add(2 ** 30);
    return true;
  } catch {
    return false;
  }
}

function unusable(digest: string, why: string, cause?: unknown): ObError {
  return new ObError("BAD_SOURCE", `The build context ${quotedName(digest)} cannot be used: ${why}`, {
    cause,
    hint: "Submit the build again.",
  });
}

async function unpacked(digest: string, { registry, emit, signal }: Receiving): Promise<string> {
  // The name is the client's word. A tag can be changed by others.
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw unusable(digest, "it is not named by its digest.");
  const context = await registry.findContext(digest, { signal });
  const { path: directory } = await makeTemporaryDirectory("context");
  try {
    const [tar, files] = [join(directory, "context.tar"), join(directory, "files")];
    await mkdir(files);
    if (!context || !(await registry.pullContext(context, tar, { signal }))) {
      throw unusable(digest, "the registry no longer has it.");
    }
    await unpackArchive(createReadStream(tar), { directory: files, signal, emit });
    await rm(tar);
    return directory;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}
