// Puts the compiled command and all that it imports into few files, bundle/, for a quick start: of the 400 modules that
// a build would open one by one, most are of libraries. Parts that are loaded when used stay apart.
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { rolldown } from "rolldown";
import { addComponent, billOfMaterials, isFromBillOfMaterials } from "../../scripts/bill-of-materials.mjs";
import { renderAllHelp } from "./dist/args/render-all-help.js";
import { helpFileName, renderedColumns } from "./dist/args/rendered-help.js";
import { takeLicenses, thirdPartyLicenses } from "../../scripts/third-party-licenses.mjs";

const here = import.meta.dirname;
const target = join(here, "bundle");
const fresh = join(here, `bundle-${process.pid}`);

// Modules of Node.js are loaded when they are used first; see lazy-module.cjs.
const lazyNodeModules = {
  name: "lazy-node-modules",
  renderChunk(code) {
    const helper = 'const lazyModule = require("./lazy-module.cjs");\n';
    const imported = /^let (\w+) = require\("(node:[a-z_/]+)"\);$/gm;
    return (
      helper +
      code.replaceAll(imported, (line, variable, name) =>
        // What is imported as a whole can be a function.
        new RegExp(`^${variable} = `, "m").test(code)
          ? line
          : `const ${variable} = lazyModule("${name}", require);`,
      )
    );
  },
};

/** What a build whose layers are all there never calls: it is in a file of its own, which is loaded when one of its parts is used first. */
const usedLater = new RegExp(
  [
    "/node_modules/(?:tar-stream|streamx|b4a|text-decoder|fast-fifo|events-universal|get-east-asian-width|p-map)/",
    "/builder/dist/(?:archive/|healthcheck|open-layer)",
    "/builder/dist/limits/(?:free-space|log-limit|run-in-sandbox)",
    "/builder/dist/scheduling/(?:parallel|event-queue|ordered-events|semaphore)",
    "/builder/dist/source/(?:file-digest|source-tree|source-errors)",
    "/builder/dist/steps/(?:copy|login-error)",
    "/cache/dist/(?:cache-lease|encode-name|file-system/|initial-version|list-and-remove|versions)",
    "/cli/dist/(?:layers/|oci/|outputs/write-|output/(?:clean-output|fit-table|format-table|terminal-filter))",
    "/cli/dist/(?:progress/json|room/(?:plan-prune|prune|remove-items)|sharing/build-shared|terminal/local-terminal)",
    "/qcow2/dist/(?:copy|create|flatten-policy|foreign-disk/)",
    "/spec/dist/(?:dockerfile|target-spec)",
    "/store-qcow/dist/(?:chain/|layers/(?:digests|export|held-layer|import-layer|layer-writer|remove|scratch-disk))",
  ].join("|"),
);
const lazyChunk = {
  name: "lazy-chunk",
  renderChunk: (code) =>
    code.replaceAll(
      /^const (\w+) = require\(("\.\/later-[^"]+")\);$/gm,
      'const $1 = require("./lazy-module.cjs")($2, require);',
    ),
};

// Each file that the compiler writes has the same two functions for `using`: the bundle gets these 2 KB once, and not a hundred times.
const disposalId = "\0disposal";
const disposal = /^var __addDisposableResource = [^]*?^var __disposeResources = [^]*?^\}\);\n/m;
let disposalText = "";
const oneDisposal = {
  name: "one-disposal",
  resolveId: (id) => (id === disposalId ? id : undefined),
  load: (id) => (id === disposalId ? `${disposalText}${exportLine("export", "")}` : undefined),
  transform(code, id) {
    const [text] = disposal.exec(code) ?? [];
    if (text === undefined || id === disposalId) return undefined;
    if (disposalText !== "" && disposalText !== text)
      throw new Error("The compiler's functions for `using` differ.");
    disposalText = text;
    return {
      code: `${exportLine("import", ` from ${JSON.stringify(disposalId)}`)}${code.replace(text, "")}`,
    };
  },
};

function exportLine(word, source) {
  return `${word} { __addDisposableResource, __disposeResources }${source};\n`;
}

// A text with a letter beyond Latin-1 takes V8 twice the memory, and code-cache.cjs reads the files as Latin-1. An escape is the same
// everywhere but in a raw template.
function onlyAscii(code, name) {
  if (/\braw`[^`]*[^\0-\x7f]/.test(code)) throw new Error(`${name} has a raw template that is not ASCII.`);
  return code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// bull-board requires BullMQ as CommonJS, and would bring a second copy.
const bullmq = createRequire(join(here, "../cluster/package.json"))
  .resolve("bullmq")
  .replace(`${sep}cjs${sep}`, `${sep}esm${sep}`);

// The bill of materials is that of the package in the working directory.
process.chdir(here);
await using bundle = await rolldown({
  input: { main: join(here, "dist", "index.js") },
  platform: "node",
  // For `usedLater`: other files take parts of the entry's.
  preserveEntrySignatures: "allow-extension",
  checks: { pluginTimings: false },
  resolve: { alias: { bullmq } },
  plugins: [billOfMaterials("application"), oneDisposal, lazyNodeModules, lazyChunk],
  // ssh2's native parts stay unbuilt: it looks for them, and does without. The images have files of their own, and
  // people's recipes import them.
  external: [/\.node$/, "@ob/images"],
  onLog(level, log, print) {
    // A WebAssembly loader in ssh2, which has been asked for nothing of ours.
    const expected = ["EVAL", "INEFFECTIVE_DYNAMIC_IMPORT"].includes(log.code);
    if (!expected && !isFromBillOfMaterials(log)) print(level, log);
  },
});
try {
  const { output } = await bundle.write({
    dir: fresh,
    format: "cjs",
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name]-[hash].cjs",
    comments: false,
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
    // Few files: each costs a third of a millisecond to find and to read. What only some builds need is in files of its own.
    codeSplitting: {
      groups: [
        { name: "later", test: usedLater, priority: 1.5, includeDependenciesRecursively: false },
        { name: "start", test: /\/cli\/dist\/index\.js$|^\0disposal$/, priority: 2 },
        {
          name: "build",
          test: /\/(cli\/dist\/(commands\/(build|plan)|services)|(builder|store-qcow|cache|qcow2)\/dist\/index)\.js$/,
          priority: 1,
        },
      ],
    },
  });
  const modules = output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
  for (const name of ["lazy-module.cjs", "import-module.cjs"])
    copyFileSync(join(here, name), join(fresh, name));
  const bundleId = createHash("sha256");
  for (const { type, fileName, code } of output) {
    if (type !== "chunk") continue;
    const ascii = onlyAscii(code, fileName).replaceAll(/\bimport\(/g, 'require("./import-module.cjs")(');
    writeFileSync(join(fresh, fileName), ascii);
    bundleId.update(ascii);
  }
  const codeCache = readFileSync(join(here, "code-cache.cjs"), "utf8");
  writeFileSync(
    join(fresh, "code-cache.cjs"),
    codeCache.replace("BUNDLE_ID", bundleId.digest("hex").slice(0, 16)),
  );
  for (const columns of renderedColumns) {
    const texts = JSON.stringify(await renderAllHelp(columns));
    writeFileSync(join(fresh, helpFileName(columns)), texts);
  }
  // The pages of `worker --board`.
  const boardPackage = createRequire(import.meta.url).resolve("@bull-board/ui/package.json");
  cpSync(join(dirname(boardPackage), "dist"), join(fresh, "board-ui", "dist"), { recursive: true });
  modules.push(boardPackage);
  addComponent(join(fresh, "bom.json"), boardPackage);
  // Programs import an ES module.
  writeFileSync(join(fresh, "main.js"), 'export { exitCodes, main, start } from "./main.cjs";\n');
  const notices = [thirdPartyLicenses(modules), ...takeLicenses(join(fresh, "board-ui"))];
  writeFileSync(join(fresh, "THIRD-PARTY-NOTICES.txt"), notices.join(`\n${"-".repeat(80)}\n\n`));
  rmSync(target, { recursive: true, force: true });
  renameSync(fresh, target);
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
