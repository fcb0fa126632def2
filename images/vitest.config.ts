import { defineConfig, mergeConfig } from "vitest/config";
import shared from "../vitest.shared.ts";

// A recipe's tests stand in its folder.
export default mergeConfig(shared, defineConfig({ test: { include: ["*/**/*.test.ts"] } }));
