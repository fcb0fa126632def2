import type { Spec, SpecSource } from "@ob/spec";

/** What to build, from what. */
export interface BuildRequest {
  readonly spec: Spec;
  /** The text that the spec was parsed from: errors then have the line. See `parseSpecWithSource`. */
  readonly source?: SpecSource | undefined;
  /** The directory that `copy` takes files from: the build context. */
  readonly sourceDirectory: string;
  /**
   * The absolute path of an ignore file, with patterns for what `copy` leaves out of the source directory; false for none. By
   * default `.obuilderignore` in the source directory, or `.dockerignore` if that does not exist.
   */
  readonly ignoreFile?: string | false | undefined;
  /** The values of the spec's args, by their names. One without a value has its default. */
  readonly buildArgs?: ReadonlyMap<string, string> | undefined;
  /** The nested build to build, with those that it copies from; see `targetSpec`. By default the whole spec. */
  readonly target?: string | undefined;
  /** The contents of each secret, by its id. */
  readonly secrets?: ReadonlyMap<string, Uint8Array> | undefined;
}
