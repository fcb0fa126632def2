import { defineConfig, mergeConfig } from "vitest/config";
import shared from "../../../vitest.shared.ts";

/** Stryker has no option for the test files of a run. */
const tests = process.env["OB_MUTATION_TESTS"] ?? "";

export default defineConfig(mergeConfig(shared, { test: { include: tests.split(",") } }));
