import type { Services } from "../services.ts";
import { parseStoreLocation, type StoreLocation } from "../args/store-location.ts";
import type { Candidate, FindNames, NamedKind } from "./candidate.ts";

/** How many digits of a layer's id are offered. */
const digits = 12;

/**
 * What the store of a command line has; nothing if there is no store, or it cannot be read: whoever completes a word has no use
 * for an error.
 */
export function storeNames(
  services: Services,
  { env }: { readonly env: Readonly<Record<string, string | undefined>> },
): FindNames {
  return async (kind, store) => {
    try {
      const location = parseStoreLocation(store ?? env["OBUILDER_STORE"]);
      return await read(kind, { services, location });
    } catch {
      return [];
    }
  };
}

async function read(
  kind: NamedKind,
  { services, location }: { readonly services: Services; readonly location: StoreLocation },
): Promise<readonly Candidate[]> {
  if (kind === "cache") {
    await using caches = await services.openCaches({ location });
    return (await caches.list()).map(({ name }) => ({ word: name }));
  }
  if (kind === "image" || kind === "recipe") {
    const { listImages } = await import("@ob/images");
    const found = await listImages(location.directory);
    const wanted = kind === "recipe" ? found : found.filter(({ state }) => state !== "not-built");
    return wanted.map(({ name, guest }) => ({
      word: name,
      description: guest && `${guest.os}/${guest.arch}`,
    }));
  }
  await using store = await services.openStore({ location });
  if (kind === "build") {
    return store.builds.list().map(({ id, started }) => ({ word: id, description: started.toISOString() }));
  }
  const tags = store.tags().map(({ name, id }) => ({ word: name, description: id.slice(0, digits) }));
  return kind === "tag" ? tags : [...tags, ...layers(store.list())];
}

function layers(found: Iterable<{ readonly id: string; readonly created: Date }>): readonly Candidate[] {
  const newest = [...found].toSorted((a, b) => b.created.getTime() - a.created.getTime());
  return newest.map(({ id, created }) => ({ word: id.slice(0, digits), description: created.toISOString() }));
}
