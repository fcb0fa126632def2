import { defineConfig, mergeConfig } from "vitest/config";
import shared from "../vitest.shared.ts";

// One file at a time: on two cores, VMs in parallel only slow each other down.
export default mergeConfig(
  shared,
  defineConfig({
    test: { include: ["**/*.test.ts"], testTimeout: 600_000, hookTimeout: 600_000, fileParallelism: false },
  }),
);
