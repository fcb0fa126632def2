import { configDefaults, defineConfig, mergeConfig } from "vitest/config";
import shared from "../vitest.shared.ts";

/** Proofs that take minutes; `npm run verify` runs them. */
const slow = ["architectures.test.ts", "recipes/cloud-init.test.ts"];

// One file at a time, and two builds in a file whose tests are concurrent: on two cores, more VMs only slow each other
// down.
export default mergeConfig(
  shared,
  defineConfig({
    test: {
      include: ["**/*.test.ts"],
      exclude: [...configDefaults.exclude, ...(process.env["OB_E2E_SLOW"] === undefined ? slow : [])],
      testTimeout: 600_000,
      hookTimeout: 600_000,
      fileParallelism: false,
      maxConcurrency: 2,
    },
  }),
);
