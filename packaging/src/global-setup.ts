import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type PackedPackage, packAll } from "./pack.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly packed: readonly PackedPackage[];
    /** Absolute path of a directory for projects; removed after the last test. */
    readonly work: string;
  }
}

/** Packs once for all tests. */
// oxlint-disable-next-line import/no-default-export -- Vitest asks for it.
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const work = await mkdtemp(join(tmpdir(), "obuilder-packaging-"));
  project.provide("packed", await packAll(work));
  project.provide("work", work);
  return () => rm(work, { recursive: true, force: true });
}
