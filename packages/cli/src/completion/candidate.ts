import type { Completes } from "../args/flags.ts";

/** One word that can stand where the cursor is. */
export interface Candidate {
  /** The whole word. More can be written after one that ends in `=` or `:`. */
  readonly word: string;
  readonly description?: string | undefined;
}

/** What a shell can complete a word with: words, and files or directories, if those are wanted. */

/** The names of what a store has; nothing where there is no store. `store` is the value of --store, if it is given. */
export type FindNames = (kind: NamedKind, store: string | undefined) => Promise<readonly Candidate[]>;
export type NamedKind = Exclude<Completes & string, "directory" | "file" | "layer-path">;
