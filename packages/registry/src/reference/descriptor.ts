import type { Content } from "./digest.ts";

/** A blob as a manifest has it. */
export interface Descriptor extends Content {
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A blob and what is in it. For a blob that is not compressed both are the same. */
export interface Packed {
  /** What the registry has, without annotations. */
  readonly blob: Descriptor;
  /** What comes out: its identity, since compressors may differ. */
  readonly content: Content;
}
