import path from "node:path";
import { Stryker } from "@stryker-mutator/core";
import type { Part } from "./parts.ts";

const repository = path.resolve(import.meta.dirname, "../../..");

/** A change of the code. */
export interface Mutant {
  /** `FILE:LINE:COLUMN`, from the repository. */
  readonly place: string;
  /** What stands there instead. */
  readonly replacement: string;
  /** False if all tests pass with it. */
  readonly noticed: boolean;
  /** True if it was noticed by a loop without end, or because the tests took too long. */
  readonly timedOut: boolean;
}

/**
 * Changes the code of a part in all ways that Stryker knows, one after the other, and runs the tests that cover it. What has not changed
 * since an earlier run is not tried again.
 *
 * @param options.fresh forgets earlier runs.
 */
export async function runPart(
  part: Part,
  { fresh }: { readonly fresh: boolean },
): Promise<readonly Mutant[]> {
  const from = (pattern: string): string =>
    pattern.startsWith("!") ? `!${part.package}/${pattern.slice(1)}` : `${part.package}/${pattern}`;
  process.env["OB_MUTATION_TESTS"] = part.tests.map(from).join(",");
  process.chdir(repository);
  const kept = path.join(repository, ".obuilder/mutation");
  const stryker = new Stryker({
    plugins: [import.meta.resolve("@stryker-mutator/vitest-runner")],
    testRunner: "vitest",
    vitest: { configFile: "campaign/src/mutation/vitest.config.ts" },
    mutate: part.mutate.map(from),
    ignorePatterns: ["dist", "*.tsbuildinfo"],
    tempDirName: path.join(kept, "work"),
    // Stryker would rewrite it with TypeScript's own interface, which TypeScript 7 does not have yet.
    tsconfigFile: "none.json",
    incremental: true,
    incrementalFile: path.join(kept, `${part.name}.json`),
    force: fresh,
    // A loop without end is seen by how often it turns. The time limit alone must not make a change look noticed on a busy host.
    timeoutMS: 60_000,
    timeoutFactor: 4,
    coverageAnalysis: "perTest",
    concurrency: 1,
    reporters: ["progress-append-only"],
    disableTypeChecks: false,
  });
  const results = await stryker.runMutationTest();
  return results.flatMap(({ fileName, location, replacement, status }) => {
    if (!["Killed", "Timeout", "Survived", "NoCoverage"].includes(status)) return [];
    const place = `${path.relative(repository, fileName)}:${location.start.line}:${location.start.column}`;
    const timedOut = status === "Timeout";
    return { place, replacement, noticed: timedOut || status === "Killed", timedOut };
  });
}
