import { defineConfig, mergeConfig } from "vitest/config";
import shared from "../vitest.shared.ts";

// The tests of a recipe are in its folder.
export default mergeConfig(shared, defineConfig({ test: { include: ["*/**/*.test.ts"] } }));
