/**
 * The package layers of docs/architecture.md: imports go one way, and only `cli` knows concrete packages.
 * @type {import("dependency-cruiser").IConfiguration}
 */
const mayImport = {
  spec: [],
  core: [],
  builder: ["spec", "core"],
  cluster: ["builder", "spec", "core"],
  qcow2: ["core"],
  qemu: ["core", "qcow2"],
  "store-qcow": ["core", "qcow2"],
  cache: ["core", "qcow2"],
  registry: ["core"],
  "sandbox-qemu": ["core", "qcow2", "qemu"],
};

const layers = Object.entries(mayImport).map(([name, allowed]) => ({
  name: `${name}-layer`,
  comment: `@ob/${name} may import ${allowed.length > 0 ? allowed.map((a) => `@ob/${a}`).join(", ") : "no other package"}.`,
  severity: "error",
  from: { path: `^packages/${name}/src` },
  to: { path: "^packages/", pathNot: [name, ...allowed].map((p) => `^packages/${p}/`) },
}));

/** The folders of packages whose folders have an order of their own; that of `sandbox-qemu` is in docs/architecture.md. */
const foldersOf = {
  "sandbox-qemu": {
    ssh: [],
    snapshot: [],
    guest: ["ssh"],
    transfer: ["guest", "ssh"],
    lifecycle: ["guest", "snapshot", "ssh"],
    access: ["guest", "lifecycle", "ssh", "transfer"],
    step: ["access", "guest", "lifecycle", "snapshot", "transfer"],
  },
  registry: {
    reference: [],
    http: ["reference"],
    compress: ["reference"],
    auth: ["http", "reference"],
    client: ["auth", "http", "reference"],
    blobs: ["client", "compress", "reference"],
    artefact: ["blobs", "client", "compress", "http", "reference"],
  },
};

/** Files beside the folders that each of them may import. */
const besides = { registry: ["errors.ts", "parallel.ts"] };

const betweenFolders = Object.entries(foldersOf).flatMap(([name, folders]) =>
  Object.entries(folders).map(([folder, allowed]) => ({
    name: `${name}-${folder}`,
    comment: `${name}/src/${folder} may import ${allowed.length > 0 ? allowed.join(", ") : "no other folder"}.`,
    severity: "error",
    from: { path: `^packages/${name}/src/${folder}/`, pathNot: "\\.test\\." },
    to: {
      path: `^packages/${name}/src/`,
      pathNot: [
        ...[folder, ...allowed].map((each) => `^packages/${name}/src/${each}/`),
        ...(besides[name] ?? []).map((file) => `^packages/${name}/src/${file}$`),
      ],
    },
  })),
);

/** The recipes and their shared parts: a layer above `cache`, outside packages/. */
const images = [
  {
    name: "images-layer",
    comment: "@ob/images may import @ob/core, @ob/qcow2, @ob/qemu; its tests a store, too.",
    severity: "error",
    from: { path: "^images/", pathNot: "\\.test\\.ts$" },
    to: { path: "^packages/", pathNot: ["^packages/core/", "^packages/qcow2/", "^packages/qemu/"] },
  },
  {
    name: "images-from-cli-only",
    comment: "Only cli may import @ob/images.",
    severity: "error",
    from: { path: "^packages/", pathNot: "^packages/cli/" },
    to: { path: "^images/" },
  },
  {
    name: "recipes-by-toolkit",
    comment: "A recipe of ours imports the toolkit, as a user's does, and nothing deeper.",
    severity: "error",
    from: { path: "^images/(?!src/|dist/)", pathNot: "\\.test\\." },
    to: { path: "^images/src/", pathNot: "^images/src/toolkit\\.ts$" },
  },
  {
    name: "images-by-index",
    comment: "A package is imported through its index only.",
    severity: "error",
    from: { path: "^packages/" },
    to: { path: "^images/", pathNot: "^images/(dist/)?src/index\\.(ts|js|d\\.ts)$" },
  },
];

export default {
  forbidden: [
    ...layers,
    ...betweenFolders,
    ...images,
    {
      name: "no-cycles",
      comment: "Import cycles are not allowed.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-deep-imports",
      comment: "A package is imported through its index only.",
      severity: "error",
      from: { path: "^(?:packages/([^/]+)|images)/" },
      to: {
        path: "^packages/([^/]+)/(src|dist)/",
        pathNot: [
          "^packages/$1/",
          "^packages/[^/]+/(src|dist)/index\\.(ts|js|d\\.ts)$",
          "^packages/(core|registry)/(src|dist)/testing/index\\.(ts|js|d\\.ts)$",
          "^packages/spec/(src|dist)/editor/index\\.(ts|js|d\\.ts)$",
          "^packages/sandbox-qemu/(src|dist)/guest/index\\.(ts|js|d\\.ts)$",
        ],
      },
    },
    {
      name: "no-undeclared",
      comment: "Imported packages are declared in package.json.",
      severity: "error",
      from: { path: "^(?:packages/[^/]+/src|images/)", pathNot: "\\.test\\.(ts|.*\\.ts)$" },
      to: { dependencyTypes: ["unknown", "npm-no-pkg", "npm-unknown"], pathNot: "/node_modules/ssh2/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "/(dist|bundle)/" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ["@ob/source", "import", "node", "default"],
      exportsFields: ["exports"],
    },
  },
};
