import { defineConfig } from "vitest/config";

// Tests run on the sources: the "@ob/source" condition picks src/ where a user gets dist/. Without "import" here:
// it would reach Node.js as --conditions, and CommonJS packages would require what then is none.
const conditions = ["@ob/source", "node", "module"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: { include: ["src/**/*.test.ts"], testTimeout: 30_000 },
});
