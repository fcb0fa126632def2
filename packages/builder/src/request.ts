import type { Spec } from "@ob/spec";

/** What to build, from what. */
export interface BuildRequest {
  readonly spec: Spec;
  /** The directory that `copy` takes files from: the build context. */
  readonly sourceDirectory: string;
  /** The contents of each secret, by its id. */
  readonly secrets?: ReadonlyMap<string, Uint8Array> | undefined;
}
