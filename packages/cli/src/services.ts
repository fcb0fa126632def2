import type { Builder, BuilderOptions, BuildRequest, PlanBuildOptions, PlannedStep } from "@ob/builder";
import { getuid } from "node:process";
import {
  type CacheStore,
  type Emit,
  findProgram,
  localFs,
  type GuestArch,
  type GuestImage,
  makeStorePrivate,
  ObError,
  noopEmit,
  type Store,
  storeLayout,
  errnoCode,
} from "@ob/core";
import type { ImageTools } from "@ob/images";
import type { ConfinementStatus, QemuDiagnosis, SnapshotInfo } from "@ob/sandbox-qemu";
import { EmptyStore } from "./empty-store.ts";
import type { CacheOptions } from "./args/cache-options.ts";
import type { SandboxFlags } from "./args/sandbox-flags.ts";
import { confineReader, storeFlags } from "./store-options.ts";
import { loadGuestProfiles } from "./guest-profiles.ts";
import { type DiskSpace, spaceAt } from "./room/space.ts";
import { listSnapshotsOf, removeDeadSnapshots, removeSnapshotsOf } from "./snapshots.ts";
import type { StoreLocation } from "./args/store-location.ts";
import type { OpenRepository, OpenRepositoryOptions } from "./sharing/open-repository.ts";
import type { Sharing } from "./sharing/sharing.ts";
import type { ClusterServices } from "./cluster/cluster-ports.ts";
import { openSandbox } from "./open-sandbox.ts";
import { sandboxOptions } from "./sandbox-options.ts";

export interface OpenOptions {
  readonly location: StoreLocation;
  readonly emit?: Emit | undefined;
}

export interface OpenSharingOptions extends OpenOptions, CacheOptions {
  readonly signal: AbortSignal;
}

export interface OpenBuilderOptions extends OpenOptions {
  readonly flags: SandboxFlags;
  /** What layers are shared with; by default none are. */
  readonly sharing?: Sharing | undefined;
  /** What makes the store that is used of the store that is opened; by default they are the same. */
  readonly wrapStore?: ((store: Store) => Store) | undefined;
  /** By default those of the builder. */
  readonly limits?: Pick<BuilderOptions, "logLimit" | "diskReserve"> | undefined;
}

export interface OpenPlanOptions extends OpenBuilderOptions {
  readonly request: BuildRequest;
  readonly signal: AbortSignal;
  /** See `PlanBuildOptions.sizes`. */
  readonly sizes?: boolean | undefined;
  /** See `PlanBuildOptions.noCache`. */
  readonly noCache?: PlanBuildOptions["noCache"];
}

/** The packages, wired for the commands. */
export interface Services {
  /** @throws ObError `STORE` if there is none. */
  openStore(options: OpenOptions): Promise<Store>;
  /** @throws ObError `STORE` if there is no store, `CACHE`. */
  openCaches(options: OpenOptions): Promise<CacheStore>;
  /** A builder with its store, caches and sandbox; disposing of it closes them. @throws ObError `STORE`. */
  openBuilder(options: OpenBuilderOptions): Promise<Builder>;
  /** What shares the layers of a store with registries. @throws ObError `REGISTRY` if a reference is wrong. */
  openSharing(options: OpenSharingOptions): Promise<Sharing>;
  /** A repository of a registry, by a reference that may have a tag. @throws ObError `REGISTRY` for a wrong one. */
  openRepository(options: OpenRepositoryOptions): Promise<OpenRepository>;
  /** Removes the VM snapshots that can never be resumed again. */
  pruneSnapshots(options: OpenOptions): Promise<void>;
  /** The VM snapshots of the store. */
  listSnapshots(options: OpenOptions): Promise<readonly SnapshotInfo[]>;
  /** Removes VM snapshots by their names. */
  removeSnapshots(names: readonly string[], options: OpenOptions): Promise<void>;
  /** The space of the file system that the store is on. */
  diskSpace(options: OpenOptions): Promise<DiskSpace>;
  /** What images are built and checked with; the store need not exist. */
  imageTools(options: OpenBuilderOptions): Promise<ImageTools>;
  /** What this host has for guests of an architecture. */
  diagnoseQemu(arch: GuestArch, signal: AbortSignal): Promise<QemuDiagnosis>;
  /** How QEMU is confined on this host, by a trial. */
  diagnoseConfinement(): Promise<ConfinementStatus>;
  /** What the commands of a cluster need. */
  cluster(): Promise<ClusterServices>;
  /** Plans without a sandbox; a store that does not exist, or is an empty directory, is not created. */
  plan(
    options: OpenPlanOptions,
  ): Promise<{ readonly steps: readonly PlannedStep[]; readonly storeExists: boolean }>;
}

/**
 * The only place that knows the concrete packages. Each is loaded when it is needed, so that `--help` and `fmt` start
 * quickly.
 */
export const services: Services = {
  async openStore({ location, emit }) {
    await requireStore(location);
    const { openStore } = await import("@ob/store-qcow");
    return await openStore({ directory: location.directory, confine: confineReader, emit });
  },

  async openCaches({ location, emit }) {
    await requireStore(location);
    const { openCaches } = await import("@ob/cache");
    return await openCaches({ directory: location.directory, emit });
  },

  async openSharing({ location, emit = noopEmit, ...options }) {
    const { openSharing } = await import("./sharing/sharing.ts");
    return openSharing({ ...options, layout: storeLayout(location.directory), emit });
  },

  async openRepository(options) {
    const { openRepository } = await import("./sharing/open-repository.ts");
    return openRepository(options);
  },

  async openBuilder({ location, flags, limits = {}, sharing, wrapStore = (store) => store, emit }) {
    const { directory } = location;
    await requireStore(location);
    const [{ createBuilder }, { openStore }, { openCaches }] = await Promise.all([
      import("@ob/builder"),
      import("@ob/store-qcow"),
      import("@ob/cache"),
    ]);
    await using resources = new AsyncDisposableStack();
    const own = wrapStore(await openStore({ directory, ...storeFlags(flags), emit }));
    const store = resources.use(sharing ? sharing.wrap(own) : own);
    const caches = resources.use(await openCaches({ directory, emit }));
    const sandbox = resources.use(await openSandbox({ location, flags, emit }));
    const builder = resources.use(
      createBuilder({ store, sandbox, caches, digestDirectory: digestsOf(location), ...limits, emit }),
    );
    return closingWith(builder, resources.move());
  },

  pruneSnapshots: removeDeadSnapshots,
  listSnapshots: listSnapshotsOf,
  removeSnapshots: removeSnapshotsOf,
  diskSpace: async ({ location }) => await spaceAt(location.directory),

  async imageTools({ location, flags, emit }) {
    const { directory } = location;
    await makeStorePrivate(directory, emit ?? noopEmit);
    const options = await sandboxOptions({ location, flags, emit });
    return {
      store: directory,
      sudoPrefix: getuid?.() !== 0 && (await findProgram("sudo")) !== undefined ? ["sudo"] : [],
      startSmokeTest: async (request) => {
        const { bootForSmokeTest } = await import("@ob/sandbox-qemu");
        return await bootForSmokeTest(options, request);
      },
      resolveCpuArgs: async (guestArch, signal) => {
        const { installCpuArgs } = await import("@ob/qemu");
        return await installCpuArgs(options, guestArch, signal);
      },
    };
  },

  async diagnoseQemu(arch, signal) {
    const { diagnoseQemu } = await import("@ob/sandbox-qemu");
    return await diagnoseQemu(arch, signal);
  },

  async diagnoseConfinement() {
    const { diagnoseConfinement } = await import("@ob/sandbox-qemu");
    return await diagnoseConfinement();
  },

  async cluster() {
    const { clusterServices } = await import("./cluster/cluster-services.ts");
    return clusterServices;
  },

  async plan({ location, flags, request, signal, sizes, noCache, emit }) {
    const { planBuild } = await import("@ob/builder");
    const storeExists = !(await isMissingOrEmpty(location));
    await using store = storeExists
      ? await services.openStore({ location, emit })
      : new EmptyStore(location.directory);
    const digestDirectory = storeExists ? digestsOf(location) : undefined;
    const { describeGuest } = await import("@ob/sandbox-qemu/guest");
    const { guestOs, guestArch, hardware, guestProfiles } = flags;
    const defaults = { guestOs, guestArch, hardware, profiles: await loadGuestProfiles(guestProfiles) };
    const guest = (image: GuestImage) => describeGuest(image, defaults);
    const planning = { signal, sizes, noCache };
    const steps = await planBuild({ store, digestDirectory, emit, guest }, request, planning);
    return { steps, storeExists };
  },
};

/** The cache of the digests of source files. */
function digestsOf({ directory }: StoreLocation): string {
  return storeLayout(directory).digests;
}

/** The builder, which closes its ports when it is disposed of. */
function closingWith(builder: Builder, resources: AsyncDisposableStack): Builder {
  return {
    build: (request, options) => builder.build(request, options),
    plan: (request, options) => builder.plan(request, options),
    openLayer: (id, options) => builder.openLayer(id, options),
    healthcheck: (options) => builder.healthcheck(options),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** A build in a new store could only fail for want of a base image, and would leave a store at a mistyped path. */
async function requireStore({ directory }: StoreLocation): Promise<void> {
  if (!(await isMissing(directory))) return;
  throw new ObError("STORE", `There is no store at ${directory}.`, {
    hint: "Check the path in --store. `obuilder image build NAME` creates a store with a base image.",
  });
}

async function isMissing(directory: string): Promise<boolean> {
  return (await entriesOf(directory)) === undefined;
}

async function isMissingOrEmpty({ directory }: StoreLocation): Promise<boolean> {
  const entries = await entriesOf(directory);
  return entries === undefined || entries.length === 0;
}

/** Undefined if it does not exist; the store reports other errors. */
async function entriesOf(directory: string): Promise<readonly string[] | undefined> {
  try {
    return await localFs.readdir(directory);
  } catch (error) {
    return errnoCode(error) === "ENOENT" ? undefined : ["?"];
  }
}
