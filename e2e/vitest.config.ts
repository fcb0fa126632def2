import { defineConfig, mergeConfig } from "vitest/config";
import shared from "../vitest.shared.ts";

// One file at a time, and two builds in a file whose tests are concurrent: on two cores, more VMs only slow each other
// down.
export default mergeConfig(
  shared,
  defineConfig({
    test: {
      include: ["**/*.test.ts"],
      testTimeout: 600_000,
      hookTimeout: 600_000,
      fileParallelism: false,
      maxConcurrency: 2,
    },
  }),
);
