import { sha256 } from "@ob/core";
import type { BuildRecord } from "./build-record.ts";

/** A digest of all that a build runs and copies. Secrets are sealed with it, so that they open for no other build. */
export function planDigest({
  spec,
  context,
}: Pick<BuildRecord, "spec"> & { context?: string | undefined }): string {
  return sha256(JSON.stringify([spec, context ?? null]));
}
