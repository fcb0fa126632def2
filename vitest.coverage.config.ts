import { defineConfig } from "vitest/config";

// pnpm run coverage: the unit tests of all packages in one run. The report is coverage/index.html.
export default defineConfig({
  test: {
    projects: ["packages/*", "images"],
    coverage: {
      provider: "v8",
      // Relative to each package.
      include: ["*/**/*.ts"],
      exclude: ["**/dist/**", "**/*.test.ts", "**/*.helper.ts", "**/testing/**"],
      reporter: ["text-summary", "html", "lcov"],
    },
  },
});
