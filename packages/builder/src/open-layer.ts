import {
  disposableWith,
  type Emit,
  type GuestImage,
  type GuestVisit,
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
  /** What is known of the layer's base image; by default the store is asked. */
  readonly image?: GuestImage | undefined;
}

export interface OpenLayerDeps {
  readonly store: Store;
  readonly sandbox: Sandbox;
}

/**
 * Boots a throw-away guest on a layer, which cannot be deleted until the visit is disposed of.
 *
 * @throws ObError `NO_SUCH_LAYER`, and what `Store.borrow` and `Sandbox.visit` throw.
 */
export async function openLayer(
  id: LayerId,
  { store, sandbox }: OpenLayerDeps,
  options: OpenLayerOptions = {},
): Promise<GuestVisit> {
  const { signal, emit, network } = options;
  const image = options.image ?? (await imageUnder(store, id));
  await using stack = new AsyncDisposableStack();
  const loan = stack.use(await store.createScratchDisk(id, signal));
  store.recordUse(id);
  const request = { layer: id, disk: loan.disk, image, network };
  const visit = stack.use(await sandbox.openEphemeral(request, { signal, emit }));
  const access: Omit<GuestVisit, typeof Symbol.asyncDispose> = {
    readArchive: (path, reading) => visit.readArchive(path, reading),
    execInteractive: (interaction, interacting) => visit.execInteractive(interaction, interacting),
  };
  return disposableWith(access, stack);
}

/** What the base layer under a layer says. */
async function imageUnder(store: Store, id: LayerId): Promise<GuestImage> {
  if (!(await store.find(id))) {
    throw new ObError("NO_SUCH_LAYER", `The store has no layer ${id}.`, {
      hint: "`obuilder plan` shows the ids of a spec's layers, and which are in the store. A step that failed has none.",
    });
  }
  const parents = new Map([...store.list()].map((record) => [record.id, record.parent]));
  let base = id;
  for (let parent = parents.get(base); parent !== undefined; parent = parents.get(base)) base = parent;
  return await store.baseInfo(base);
}
