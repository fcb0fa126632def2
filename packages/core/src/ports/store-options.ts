import type { LayerId } from "../layer-id.ts";

/** The format of an exported disk. */
export type ExportFormat = "qcow2" | "raw" | "vmdk" | "vhdx";

export interface ExportOptions {
  /** Where to write to; a relative path starts at the working directory. */
  readonly path: string;
  /** By default qcow2. */
  readonly format?: ExportFormat | undefined;
  /** Compresses qcow2 with zstd. */
  readonly compress?: boolean | undefined;
  /** Replaces an existing file. By default that is an error. */
  readonly overwrite?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DeleteLayerOptions {
  /** Called with each layer just before it is deleted. */
  readonly onDelete?: ((id: LayerId) => void) | undefined;
  /** Deletes layers that have tags, too, with their tags. By default false. */
  readonly force?: boolean | undefined;
}

export interface PruneOptions {
  /** Only layers last used before this moment. */
  readonly before: Date;
  /** Only these layers; by default all. */
  readonly only?: ReadonlySet<LayerId> | undefined;
  /** Also layers with tags, which lose them; by default they stay. */
  readonly tagged?: boolean | undefined;
  /** The maximum number of layers; by default all. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with each layer just before it is deleted. */
  readonly onDelete?: ((id: LayerId) => void) | undefined;
}
