import { sandboxConformance } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { archiveOf, sourceTree, openHarness } from "./harness.ts";

describe("the QEMU sandbox", () => {
  const cases = sandboxConformance(async () => {
    const bench = await openHarness();
    const source = await sourceTree(bench.directory, { "tmp/copied": "copied" });
    return {
      sandbox: bench.sandbox,
      image: bench.image,
      createDisk: async (parent) => await bench.createDisk(parent),
      openArchive: () => archiveOf(source),
      [Symbol.asyncDispose]: async () => await bench[Symbol.asyncDispose](),
    };
  });
  it.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
