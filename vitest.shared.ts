import { defineConfig } from "vitest/config";
import { slowness } from "./vitest.deadlines.ts";

// Tests run on the sources: the "@ob/source" condition selects src/ where users get dist/. "import" is not listed:
// it would be passed to Node.js as --conditions, and then CommonJS packages would resolve require() to ES modules.
const conditions = ["@ob/source", "node", "module"];

// All deadlines of tests grow with it: those here, and those that tests compute with `testTime` of @ob/core/testing.
const factor = slowness();

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["src/**/*.test.ts"],
    testTimeout: 30_000 * factor,
    hookTimeout: 30_000 * factor,
    expect: { poll: { timeout: 5_000 * factor } },
    env: { OB_TEST_SLOWNESS: String(factor) },
    // Vitest leaves one core to itself otherwise, which is half of a machine of two; most tests here wait for other processes.
    maxWorkers: "100%",
  },
});
