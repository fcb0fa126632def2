import type { LayerId } from "../layer-id.ts";

/* Layers that are given to other stores, and taken from them. */

/** A layer's disk that another store has made. */
export interface LayerImport {
  /** The layer whose disk it is an overlay on. */
  readonly parent: LayerId;
  /** The sha256 of the disk's file, in lower-case hex. */
  readonly digest: string;
  /** Writes the file, at an absolute path that does not exist yet. */
  readonly write: (path: string, signal: AbortSignal | undefined) => Promise<void>;
}

/** One disk of a layer's backing chain. */
export interface ChainDisk {
  /** The layer that it is the disk of. */
  readonly layer: LayerId;
  /** Absolute path of its file. */
  readonly disk: string;
  /** Of the file, in bytes. */
  readonly size: number;
  /** The sha256 of the file, in lower-case hex. */
  readonly digest: string;
}

/** A layer that is being read, with the layers that its disk depends on: none is deleted, and no file of theirs is changed. */
export interface HeldLayer extends AsyncDisposable {
  readonly id: LayerId;
  /** The base layer's disk first, the layer's own last. Layers that were merged into another one's disk are not in it. */
  readonly chain: readonly ChainDisk[];
  /** Absolute path of the layer's log; undefined if it has none. */
  readonly log: string | undefined;
}
