import type { Builder, BuildRequest } from "@ob/builder";
import {
  type Emit,
  errorMessage,
  ForwardingStore,
  isObError,
  type LayerId,
  type LayerWriter,
  type Store,
} from "@ob/core";
import type { Spec } from "@ob/spec";
import type { OptionTable } from "../args/flags.ts";
import { type Arguments, stringOption } from "../args/options.ts";
import type { StoreLocation } from "../args/store-location.ts";
import { formatSize } from "../args/units.ts";
import type { Services } from "../services.ts";
import type { PruneItem } from "./prune-item.ts";
import { momentAfter } from "./plan-prune.ts";
import { planNow } from "./prune-store.ts";
import { countItems, removeItems } from "./remove-items.ts";
import { bytesOf, parseSpace, type Space } from "./space.ts";

export const roomOptions: OptionTable = {
  "min-free-space": {
    kind: "value",
    value: "SIZE",
    describe:
      "Delete what was not used for longest, as `prune` does, while less of the store's disk is free: 20GB, or 15% (default: " +
      "nothing is deleted)",
    group: "Limits:",
  },
};

/** The value of `--min-free-space`. @throws ObError `USAGE` */
export function readMinFreeSpace(args: Arguments): Space | undefined {
  const value = stringOption(args, "min-free-space");
  return value === undefined ? undefined : parseSpace(value, "--min-free-space");
}

export interface RoomOptions {
  readonly services: Services;
  readonly location: StoreLocation;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** How often the free space is looked at while steps run, in milliseconds. By default 2000. */
  readonly intervalMs?: number | undefined;
}

/** What keeps space free for a build with `--min-free-space`. */
export function openRoom(minFreeSpace: Space | undefined, options: RoomOptions): RoomKeeper | undefined {
  return minFreeSpace && new RoomKeeper(minFreeSpace, options);
}

/**
 * Keeps space free on a store's disk for one build: before each layer that is made, and while steps run. It removes what
 * `prune` would, and never what the build uses. If that is not enough the build goes on, with a warning.
 */
export class RoomKeeper implements AsyncDisposable {
  readonly #minFreeSpace: Space;
  readonly #options: RoomOptions;
  readonly #layers = new Set<string>();
  readonly #caches = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** Nothing more could be removed when it was last tried. */
  #exhausted = false;
  #warned = false;

  constructor(minFreeSpace: Space, options: RoomOptions) {
    this.#minFreeSpace = minFreeSpace;
    this.#options = options;
  }

  /** Keeps what a build uses: the layers of its plan, and its caches. */
  async useAllOf(builder: Builder, request: BuildRequest): Promise<void> {
    const { signal } = this.#options;
    const steps = await builder.plan(request, { signal, emit: () => undefined });
    for (const { id, base } of steps)
      for (const each of [id, base]) if (each !== undefined) this.#layers.add(each);
    for (const name of cachesOf(request.spec)) this.#caches.add(name);
  }

  /** The store, which makes room before a layer is begun. */
  readonly wrap = (store: Store): Store => new RoomyStore(store, async () => await this.#makeRoom());

  /** Waits until nothing is being removed any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#exhausted = true;
    await this.#running;
  }

  async #makeRoom(): Promise<void> {
    const look = (): void => {
      if (!this.#exhausted) void this.#look();
    };
    this.#timer ??= setInterval(look, this.#options.intervalMs ?? 2_000);
    this.#exhausted = false;
    await this.#look();
  }

  /** Never rejects: a build is not worse off than without. */
  async #look(): Promise<void> {
    const { signal, emit } = this.#options;
    const looking = async (): Promise<void> => {
      try {
        await this.#removeWhatIsOld();
      } catch (error) {
        if (signal.aborted || isObError(error, "CANCELLED")) return;
        this.#exhausted = true;
        emit({ type: "log", level: "warning", text: `No room could be made: ${errorMessage(error)}` });
      } finally {
        this.#running = undefined;
      }
    };
    this.#running ??= looking();
    await this.#running;
  }

  async #removeWhatIsOld(): Promise<void> {
    const { services, location, signal, emit } = this.#options;
    const before = await services.diskSpace({ location });
    const wanted = bytesOf(this.#minFreeSpace, before);
    if (before.free >= wanted) return;
    const log = (level: "info" | "warning", text: string): void => emit({ type: "log", level, text });
    let removed: readonly PruneItem[] = [];
    {
      await using store = await services.openStore({ location });
      await using caches = await services.openCaches({ location });
      const ports = { store, caches, services, location };
      const rules = { minFreeSpace: wanted, matches: (item: PruneItem) => !this.#isUsed(item) };
      const planned = await planNow(ports, { rules, measures: true });
      const onRemove = (item: PruneItem): void => log("info", `Removing ${item.type} ${item.id}`);
      removed = await removeItems(planned, ports, { before: momentAfter(planned), signal, emit, onRemove });
    }
    if (removed.length > 0) {
      await services.pruneSnapshots({ location });
      const free = formatSize(before.free);
      log("info", `Removed ${countItems(removed)}: only ${free} were free on the store's disk.`);
      // Some file systems free it later: the next look shows whether it was enough.
      return;
    }
    const { free } = await services.diskSpace({ location });
    if (free >= wanted) return;
    this.#exhausted = true;
    if (this.#warned) return;
    this.#warned = true;
    log(
      "warning",
      `${formatSize(free)} are free on the store's disk, less than the ${formatSize(wanted)} of --min-free-space. Nothing more can be removed.`,
    );
  }

  #isUsed({ type, id }: PruneItem): boolean {
    return (type === "layer" && this.#layers.has(id)) || (type === "cache" && this.#caches.has(id));
  }
}

/** The names of the caches that a spec and its nested builds mount. */
function cachesOf(spec: Spec): ReadonlySet<string> {
  const names = new Set<string>();
  const pending = [spec];
  for (let next = pending.pop(); next; next = pending.pop()) {
    for (const op of next.ops) if (op.op === "run") for (const { name } of op.caches) names.add(name);
    for (const build of next.builds) pending.push(build.spec);
  }
  return names;
}

/** A store that makes room before a layer is begun. */
class RoomyStore extends ForwardingStore {
  readonly #makeRoom: () => Promise<void>;

  constructor(store: Store, makeRoom: () => Promise<void>) {
    super(store);
    this.#makeRoom = makeRoom;
  }

  override async tryBegin(id: LayerId): Promise<LayerWriter | undefined> {
    await this.#makeRoom();
    return await super.tryBegin(id);
  }
}
