import { disposableWith, type LayerId, type Store } from "@ob/core";
import { readCacheOptions } from "../args/cache-options.ts";
import type { Arguments } from "../args/options.ts";
import type { Session } from "../commands/session.ts";

/** A store, with the layers of the registries of `--cache-from`. */
export interface OpenSharedStore extends AsyncDisposable {
  readonly store: Store;
  /** Looks for a layer in the registries, if there are any. */
  lookFor(id: LayerId): Promise<void>;
}

/** Opens the store of a command that reads layers. */
export async function openSharedStore(
  args: Arguments,
  { services, location, emit, io }: Session,
): Promise<OpenSharedStore> {
  const cache = readCacheOptions(args);
  await using stack = new AsyncDisposableStack();
  const sharing =
    cache && stack.use(await services.openSharing({ ...cache, location, emit, signal: io.signal }));
  const own = await services.openStore({ location, emit });
  const store = stack.use(sharing ? sharing.wrap(own) : own);
  const lookFor = async (id: LayerId): Promise<void> => {
    await sharing?.prefetch([id]);
    await store.find(id);
  };
  return disposableWith({ store, lookFor }, stack);
}
