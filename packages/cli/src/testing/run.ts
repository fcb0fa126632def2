import { EventEmitter } from "node:events";
import { createBuilder, planBuild } from "@ob/builder";
import type { SnapshotInfo } from "@ob/sandbox-qemu";
import { MemoryCache, MemoryStore, FakeSandbox, type FakeSandboxOptions } from "@ob/core/testing";
import { type Services, services as realServices } from "../services.ts";
import type { Input } from "../process-io.ts";
import { type Interrupts, listenForInterrupts } from "../signals.ts";
import { main } from "../main.ts";
import { inputOf, Screen } from "./terminal.ts";

/** Services without QEMU: a store in memory and a fake guest. */
export interface FakeServices extends Services {
  readonly store: MemoryStore;
  readonly sandbox: FakeSandbox;
  readonly caches: MemoryCache;
  /** The number of layers at each pruning of snapshots. */
  readonly pruned: readonly number[];
  /** What is free on the store's disk; a test can set it. */
  readonly disk: { free: number; total: number };
}

/** @param snapshots the VM snapshots that there are. */
export function fakeServices(
  script: FakeSandboxOptions = {},
  snapshots: readonly SnapshotInfo[] = [],
): FakeServices {
  const store = new MemoryStore({ images: ["debian-12"] });
  const sandbox = new FakeSandbox(script);
  const caches = new MemoryCache();
  const pruned: number[] = [];
  const gone = new Set<string>();
  const disk = { free: 2 ** 40, total: 2 ** 41 };
  return {
    store,
    sandbox,
    caches,
    pruned,
    disk,
    openStore: async () => store,
    openCaches: async () => caches,
    openBuilder: async ({ limits, sharing, wrapStore = (each) => each, emit }) => {
      const own = wrapStore(store);
      return createBuilder({
        ...{ store: sharing ? sharing.wrap(own) : own, sandbox, caches, diskReserve: 0 },
        ...{ ...limits, emit },
      });
    },
    openRepository: async (options) => await realServices.openRepository(options),
    openSharing: async (options) => await realServices.openSharing(options),
    pruneSnapshots: async () => {
      pruned.push([...store.list()].length);
    },
    listSnapshots: async () => snapshots.filter(({ name }) => !gone.has(name)),
    removeSnapshots: async (names) => names.forEach((name) => gone.add(name)),
    diskSpace: async () => ({ ...disk }),
    imageTools: async ({ location }) => ({
      store: location.directory,
      startSmokeTest: () => {
        throw new Error("No test of the command line boots an image.");
      },
      resolveCpuArgs: () => {
        throw new Error("No test of the command line installs a system.");
      },
    }),
    diagnoseQemu: async (arch) => ({
      ...{ arch, binary: `qemu-system-${arch}`, version: "9.2.0", missing: [], missingFirmware: [] },
      ...{ accelerator: { name: "kvm", why: "verified to run a guest" }, passtObstacle: undefined },
    }),
    cluster: () => {
      throw new Error("This test has no cluster.");
    },
    diagnoseConfinement: async () => ({ isolated: true, user: "own", obstacle: undefined }),
    plan: async ({ request, signal, sizes, noCache, emit }) => ({
      steps: await planBuild({ store, emit, guest: (image) => sandbox.guest(image) }, request, {
        signal,
        sizes,
        noCache,
      }),
      storeExists: true,
    }),
  };
}

/** Interrupts that no signal of this process makes; only their own `interrupt` does. */
export function createInterrupts(): Interrupts {
  return listenForInterrupts(new EventEmitter(), () => {
    throw new Error("A second interrupt ends a real process.");
  });
}

export interface RunOptions {
  readonly services?: Services;
  readonly stdin?: string | Input;
  readonly env?: Readonly<Record<string, string>>;
  /** By default standard output is not a terminal. */
  readonly terminal?: boolean;
  /** By default nothing interrupts the command. */
  readonly interrupts?: Interrupts;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process. */
export async function obuilder(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { services, stdin = "", env = {}, interrupts = createInterrupts() } = options;
  const stdout = Object.assign(new Screen(), { isTTY: options.terminal === true });
  const stderr = new Screen();
  const code = await main(
    argv,
    {
      stdin: typeof stdin === "string" ? inputOf(stdin) : stdin,
      stdout,
      stderr,
      env,
      signal: interrupts.signal,
      interruptedBy: interrupts.cause,
    },
    services ? { services } : {},
  );
  return { code, stdout: stdout.text, stderr: stderr.text };
}
