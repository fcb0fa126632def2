import type { ChildProcess } from "node:child_process";

export type ClusterRole = "worker" | "client" | "admin";

export interface ClusterRedis {
  /** The directory that `deploy/credentials.sh` has made. */
  readonly credentials: string;
  /** `rediss://127.0.0.1:PORT` */
  readonly redis: string;
  readonly children: readonly ChildProcess[];
  /** Ends all processes. */
  stop(): Promise<void>;
}

export interface ClusterServices extends ClusterRedis {
  /** The registries, `127.0.0.1:PORT`: `reading` has the layers of `layers` for clients. */
  readonly hosts: { readonly layers: string; readonly reading: string; readonly contexts: string };
  /** The environment of the `obuilder` of a role, besides `queueFlags`. */
  readonly environments: Readonly<Record<ClusterRole, Readonly<Record<string, string>>>>;
}

export interface ClusterServicesOptions {
  /** More lines for the file of the users of Redis. */
  readonly users?: readonly string[];
  readonly signal?: AbortSignal;
  /** False for registries with TLS; by default they speak plain http. */
  readonly isPlain?: boolean;
}

/** Those of the programs for the services that are missing. */
export function missingForCluster(): readonly string[];
export function startClusterRedis(directory: string, options?: ClusterServicesOptions): Promise<ClusterRedis>;
export function startClusterServices(
  directory: string,
  options?: ClusterServicesOptions,
): Promise<ClusterServices>;
/** The options of a role for the queue. */
export function queueFlags(credentials: string, role: ClusterRole): readonly string[];
