import { defineConfig } from "vitest/config";

// Tests run on the sources: the "@ob/source" condition selects src/ where users get dist/. "import" is not listed:
// it would be passed to Node.js as --conditions, and then CommonJS packages would resolve require() to ES modules.
const conditions = ["@ob/source", "node", "module"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  // Vitest leaves one core to itself otherwise, which is half of a machine of two; most tests here wait for other processes.
  test: { include: ["src/**/*.test.ts"], testTimeout: 30_000, maxWorkers: "100%" },
});
