// Puts the compiled command and all that it imports into few files, bundle/, for a quick start: of the 400 modules that
// a build would open one by one, most are of libraries. Parts that are loaded when used stay apart.
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { billOfMaterials, isFromBillOfMaterials } from "../../scripts/bill-of-materials.mjs";
import { thirdPartyLicenses } from "../../scripts/third-party-licenses.mjs";

const here = import.meta.dirname;
const target = join(here, "bundle");
const fresh = join(here, `bundle-${process.pid}`);

// The bill of materials is that of the package in the working directory.
process.chdir(here);
await using bundle = await rolldown({
  input: { main: join(here, "dist", "index.js") },
  platform: "node",
  checks: { pluginTimings: false },
  plugins: [billOfMaterials("application")],
  // ssh2's native parts stay unbuilt: it looks for them, and does without. The images have files of their own, and
  // people's recipes import them.
  external: [/\.node$/, "@ob/images"],
  transform: { define: { __dirname: "import.meta.dirname" } },
  onLog(level, log, print) {
    // A WebAssembly loader in ssh2, which has been asked for nothing of ours.
    if (log.code !== "EVAL" && !isFromBillOfMaterials(log)) print(level, log);
  },
});
try {
  const { output } = await bundle.write({ dir: fresh, format: "esm", chunkFileNames: "[name]-[hash].js" });
  const modules = output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
  writeFileSync(join(fresh, "THIRD-PARTY-NOTICES.txt"), thirdPartyLicenses(modules));
  rmSync(target, { recursive: true, force: true });
  renameSync(fresh, target);
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
