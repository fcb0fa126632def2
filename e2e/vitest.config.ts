import { configDefaults, defineConfig, mergeConfig } from "vitest/config";
import { slowness } from "../vitest.deadlines.ts";
import shared from "../vitest.shared.ts";

/** Proofs that take minutes; `npm run verify` runs them. */
const slow = [
  "architectures.test.ts",
  "clock-jumps.test.ts",
  "recipes/cloud-init.test.ts",
  "riscv64-resume.test.ts",
  "guests/reuse-on-request.test.ts",
  "sandbox/resume-refused.test.ts",
  "systemd/*.test.ts",
  "vm-reuse-caches.test.ts",
];
/** Files that measure this process, count the processes of the host or change its network: they run one at a time, first. */
const alone = [
  "security/flood.test.ts",
  "processes.test.ts",
  "cluster.test.ts",
  "run-options-network.test.ts",
];
const excluded = [...configDefaults.exclude, ...(process.env["OB_E2E_SLOW"] === undefined ? slow : [])];
const longest = 600_000 * slowness();
const deadlines = { testTimeout: longest, hookTimeout: longest };

// Two files at a time, and two builds in a file whose tests are concurrent: a VM keeps one core busy while it boots, and
// waits for most of the rest.
export default mergeConfig(
  shared,
  defineConfig({
    test: {
      maxWorkers: 2,
      maxConcurrency: 2,
      projects: [
        {
          extends: true,
          test: {
            name: "alone",
            include: alone,
            exclude: excluded,
            ...deadlines,
            fileParallelism: false,
            sequence: { groupOrder: 1 },
          },
        },
        {
          extends: true,
          test: {
            name: "beside",
            include: ["**/*.test.ts"],
            exclude: [...excluded, ...alone],
            ...deadlines,
            sequence: { groupOrder: 2 },
          },
        },
      ],
    },
  }),
);
