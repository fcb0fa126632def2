import type { ImageManifest } from "../../image-manifest.ts";
import type { Environment } from "../../ports/store.ts";

/** A method of the store or of a layer writer, as `MemoryStoreOptions.before` names it. */
export type MemoryStoreOperation =
  | "baseImage"
  | "find"
  | "baseInfo"
  | "tryBegin"
  | "importBase"
  | "createDisk"
  | "importLayer"
  | "commit"
  | "readLog"
  | "createScratchDisk"
  | "export"
  | "holdLayer"
  | "delete";

export interface MemoryImage {
  /** The environment of the base layer; by default empty. */
  readonly environment?: Environment;
  readonly manifest?: ImageManifest;
}

export interface MemoryStoreOptions {
  /** Names of the base images, or the contents of each. */
  readonly images?: readonly string[] | Readonly<Record<string, MemoryImage>>;
  /** See `Store.ownDirectories`: as if the store were there. */
  readonly ownDirectories?: readonly string[];
  /** Called before each operation: what it throws is the operation's error, what it awaits delays it. */
  readonly before?: (operation: MemoryStoreOperation, subject: string) => void | Promise<void>;
}
