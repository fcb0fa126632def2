import type {
  AttachOptions,
  BuildSummary,
  ClusterStatus,
  ClusterWorker,
  PoolKey,
  RedisAddress,
  WorkerOptions,
  WorkerWatch,
} from "@ob/cluster";
import type { BuildRequest } from "@ob/builder";
import type { Emit, LayerId } from "@ob/core";
import type { OnProgress } from "@ob/registry";
import type { SandboxFlags } from "../args/sandbox-flags.ts";
import type { StoreLocation } from "../args/store-location.ts";

/** A repository with the layers of a cluster. */
export interface RegistryAddress {
  /** Without a tag. */
  readonly ref: string;
  /** Plain http; by default on this machine's loopback only. */
  readonly insecure: boolean;
}

export interface StartWorkerOptions extends Pick<WorkerOptions, "name" | "slots" | "identity"> {
  readonly redis: RedisAddress;
  readonly registry: RegistryAddress;
  /** Where build contexts are; by default with the layers. */
  readonly contextRegistry: RegistryAddress | undefined;
  readonly location: StoreLocation;
  readonly flags: SandboxFlags;
  /** By default the one that its flags describe. */
  readonly pools: readonly string[];
  /** How many virtual machines it keeps ready in slots that are free. */
  readonly warm: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Are told what it does. */
  readonly watches: readonly WorkerWatch[];
  /** Called as bytes move from and to the registry. */
  readonly onTransfer: OnProgress | undefined;
}

/** A worker, and the pools that it builds for. */
export interface StartedWorker extends AsyncDisposable {
  readonly worker: ClusterWorker;
  readonly pools: readonly string[];
  /** @throws ObError `REGISTRY` if the registry does not answer; the signal's reason. */
  readonly pingRegistry: (signal: AbortSignal) => Promise<void>;
}

export interface OpenClusterOptions {
  readonly redis: RedisAddress;
  /** Needed to submit; without it the logs of layers that were there already are not shown. */
  readonly registry: RegistryAddress | undefined;
  /** Where build contexts go; by default where the layers are. */
  readonly contextRegistry?: RegistryAddress | undefined;
  readonly emit: Emit;
}

export interface ClusterSubmission {
  readonly client: string;
  readonly priority: number;
  /** By default a pool with workers that suits each base image. */
  readonly pool: string | undefined;
  readonly recipients: readonly string[];
  /** W3C trace context that the build belongs to. */
  readonly traceparent: string | undefined;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** A connection to a cluster, as a client. */
export interface ClusterConnection extends AsyncDisposable {
  /** @returns the build's name. */
  submit(request: BuildRequest, options: ClusterSubmission): Promise<string>;
  /** Waits until the cluster has accepted the build. */
  find(build: string, signal?: AbortSignal): Promise<BuildSummary>;
  /** See `attachBuild`. */
  attach(build: string, options: Pick<AttachOptions, "emit" | "outputTaken" | "signal">): Promise<LayerId>;
  cancel(build: string): Promise<void>;
  status(): Promise<ClusterStatus>;
  drain(worker: string): Promise<void>;
}

/** The packages of a cluster, wired for its commands. */
export interface ClusterServices {
  /** @throws ObError `STORE` if Redis does not answer; `REGISTRY`. */
  startWorker(options: StartWorkerOptions): Promise<StartedWorker>;
  /** @throws ObError `STORE` if Redis does not answer; `REGISTRY` for a wrong reference. */
  open(options: OpenClusterOptions): Promise<ClusterConnection>;
  newKey(): Promise<PoolKey>;
  publicKeyOf(identity: string): Promise<string>;
}
