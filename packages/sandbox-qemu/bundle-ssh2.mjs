// Puts ssh2 into vendor/, for the package that is published: installed as a dependency, ssh2 would compile native code
// on the user's machine, which only speeds up ciphers that we do not prefer.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { billOfMaterials, isFromBillOfMaterials } from "../../scripts/bill-of-materials.mjs";
import { thirdPartyLicenses } from "../../scripts/third-party-licenses.mjs";

const directory = join(import.meta.dirname, "vendor");
// The bill of materials is that of the package in the working directory.
process.chdir(import.meta.dirname);
const bundle = await rolldown({
  input: { ssh2: "ssh2" },
  platform: "node",
  checks: { pluginTimings: false },
  plugins: [billOfMaterials("library")],
  external: [/\.node$/, "cpu-features"],
  transform: { define: { __dirname: "import.meta.dirname" } },
  onLog(level, log, print) {
    // A WebAssembly loader in ssh2, which has been asked for nothing of ours.
    if (log.code !== "EVAL" && !isFromBillOfMaterials(log)) print(level, log);
  },
});
const { output } = await bundle.write({ dir: directory, format: "esm", codeSplitting: false });
await bundle.close();
const modules = output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
writeFileSync(join(directory, "THIRD-PARTY-NOTICES.txt"), thirdPartyLicenses(modules));
