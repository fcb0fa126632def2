/** Code that is mutated together, and the tests that must notice. */
export interface Part {
  readonly name: string;
  /** Directory of the package, from the repository. */
  readonly package: string;
  /** Patterns in the package. */
  readonly mutate: readonly string[];
  /** Patterns of test files, in the package. */
  readonly tests: readonly string[];
}

/** The smallest score that is allowed, in percent. */
export const lowestScore = 85;

/** What a layer's correctness and the host's safety depend on. */
export const parts: readonly Part[] = [
  {
    name: "ids",
    package: "packages/builder",
    mutate: ["src/steps/step-id.ts"],
    tests: ["src/steps/step-id.test.ts", "src/conformance.test.ts"],
  },
  {
    name: "reuse",
    package: "packages/sandbox-qemu",
    mutate: ["src/step/vm-reuse.ts"],
    tests: ["src/step/*.test.ts"],
  },
  {
    name: "locks",
    package: "packages/qcow2",
    mutate: ["src/file-lock.ts"],
    tests: ["src/file-lock.test.ts"],
  },
  {
    name: "archive",
    package: "packages/builder",
    mutate: ["src/archive/**/*.ts", "!src/archive/**/*.test.ts"],
    tests: ["src/archive/*.test.ts"],
  },
  {
    name: "store",
    package: "packages/store-qcow",
    mutate: ["src/layers/*.ts", "!src/layers/*.test.ts"],
    tests: ["src/**/*.test.ts"],
  },
];
