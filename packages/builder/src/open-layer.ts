import {
  disposableWith,
  type Emit,
  type GuestImage,
  type EphemeralGuest,
  type LayerId,
  ObError,
  type Sandbox,
  type Store,
} from "@ob/core";

export interface OpenLayerOptions {
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
  /** By default `none`. */
  readonly network?: "none" | "host" | undefined;
  /** The layer's base image; by default the store is asked. */
  readonly image?: GuestImage | undefined;
}

export interface OpenLayerDeps {
  readonly store: Store;
  readonly sandbox: Sandbox;
}

/**
 * Boots an ephemeral guest on a layer, which cannot be deleted until the guest is disposed of.
 *
 * @throws ObError `NO_SUCH_LAYER`, and what `Store.createScratchDisk` and `Sandbox.openEphemeral` throw.
 */
export async function openLayer(
  id: LayerId,
  { store, sandbox }: OpenLayerDeps,
  options: OpenLayerOptions = {},
): Promise<EphemeralGuest> {
  const { signal, emit, network } = options;
  const image = options.image ?? (await imageOf(store, id));
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(await store.createScratchDisk(id, signal));
  store.recordUse(id);
  const request = { layer: id, disk: scratch.disk, image, network };
  const guest = stack.use(await sandbox.openEphemeral(request, { signal, emit }));
  const access: Omit<EphemeralGuest, typeof Symbol.asyncDispose> = {
    readArchive: (path, reading) => guest.readArchive(path, reading),
    execInteractive: (interaction, interacting) => guest.execInteractive(interaction, interacting),
  };
  return disposableWith(access, stack);
}

/** The base image of a layer. */
async function imageOf(store: Store, id: LayerId): Promise<GuestImage> {
  if (!(await store.find(id))) {
    throw new ObError("NO_SUCH_LAYER", `The store has no layer ${id}.`);
  }
  const parents = new Map([...store.list()].map((record) => [record.id, record.parent]));
  let base = id;
  for (let parent = parents.get(base); parent !== undefined; parent = parents.get(base)) base = parent;
  return await store.baseInfo(base);
}
