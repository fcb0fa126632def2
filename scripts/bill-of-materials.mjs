// The software bill of materials of a bundle, in CycloneDX's format: which libraries it holds, with versions and licenses.
import sbom from "rollup-plugin-sbom";

/**
 * A plugin for Rolldown that writes `bom.json` beside the bundle.
 *
 * @param type what the bundle is, in CycloneDX's terms: "application" or "library".
 */
export function billOfMaterials(type) {
  return sbom({
    rootComponentType: type,
    outDir: "",
    outFilename: "bom",
    outFormats: ["json"],
    includeWellKnown: false,
    // The same sources give the same bytes.
    saveTimestamp: false,
    generateSerial: false,
  });
}

/** Whether a message of Rolldown's log comes from this plugin: it reports each step, and each bundler that is not installed. */
export const isFromBillOfMaterials = ({ plugin }) => plugin === "rollup-plugin-sbom";
