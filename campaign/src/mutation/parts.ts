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
    tests: ["src/file-lock*.test.ts"],
  },
  {
    // Archives of guests are read: their headers, names, sparse files and attributes.
    name: "archive-reader",
    package: "packages/builder",
    mutate: ["src/archive/reader/*.ts", "!src/archive/reader/*.test.ts", "!src/archive/reader/*.helper.ts"],
    tests: ["src/archive/reader/*.test.ts"],
  },
  {
    // They are written anew, and only what may be unpacked.
    name: "archive-guard",
    package: "packages/builder",
    mutate: ["entry-guard", "new-owner", "left-out", "layer-archive"].map((name) => `src/archive/${name}.ts`),
    tests: ["entry-guard", "new-owner", "layer-archive", "layer-features", "hostile-archives"].map(
      (name) => `src/archive/${name}.test.ts`,
    ),
  },
  {
    // Archives are made of source directories and layers.
    name: "archive-writer",
    package: "packages/builder",
    mutate: [
      ...[
        "context-archive",
        "layer-tree",
        "send-file",
        "source-archive",
        "sparse-file",
        "tar-header",
        "tar-writer",
      ],
    ].map((name) => `src/archive/${name}.ts`),
    // Those of hostile archives would take most of the time, and notice little else.
    tests: [
      "changed-sources",
      "context-archive",
      "docs-copies",
      "layer-archive",
      "layer-features",
      "layer-tree",
      "source-archive",
      "sparse-file",
      "tar-header",
      "tar-writer",
      "times",
    ].map((name) => `src/archive/${name}.test.ts`),
  },
  {
    // Which layers there are, and how many depend on each.
    name: "store-rows",
    package: "packages/store-qcow",
    mutate: ["src/db/database.ts", "src/db/statements.ts"],
    tests: ["src/db/*.test.ts"],
  },
  {
    // Layers appear.
    name: "store-commit",
    package: "packages/store-qcow",
    mutate: ["gate", "import-layer", "layer-writer"].map((name) => `src/layers/${name}.ts`),
    // Those that start no program: with the others a change would take minutes.
    tests: ["gate", "import-layer", "writer-commit", "writer-disks"].map(
      (name) => `src/layers/${name}.test.ts`,
    ),
  },
  {
    // Layers go.
    name: "store-delete",
    package: "packages/store-qcow",
    mutate: ["layers", "pin-layer", "remove"].map((name) => `src/layers/${name}.ts`),
    tests: ["layers", "pin-layer", "prune", "remove"].map((name) => `src/layers/${name}.test.ts`),
  },
  {
    // Layers are used, and what crashes left is removed.
    name: "store-use",
    package: "packages/store-qcow",
    mutate: ["digests", "export", "held-layer", "log", "scratch-disk", "sweep", "tags"].map(
      (name) => `src/layers/${name}.ts`,
    ),
    // Likewise.
    tests: ["digests", "export", "held-layer", "log", "plain-scratch-disk", "sweep", "tags"].map(
      (name) => `src/layers/${name}.test.ts`,
    ),
  },
];
