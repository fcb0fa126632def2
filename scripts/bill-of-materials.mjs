// The software bill of materials of a bundle, in CycloneDX's format: which libraries it holds, with versions and licenses.
import { readFileSync, writeFileSync } from "node:fs";
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

/** Adds a library that is copied beside the bundle, by its package.json, to a bill that is written. */
export function addComponent(bill, packageFile) {
  const { name: full, version, description, license } = JSON.parse(readFileSync(packageFile, "utf8"));
  const [, group, name = full] = /^(@[^/]+)\/(.+)$/.exec(full) ?? [];
  const purl = `pkg:npm/${full.replace("@", "%40")}@${version}`;
  const licenses = [{ license: { id: license, acknowledgement: "declared" } }];
  const bom = JSON.parse(readFileSync(bill, "utf8"));
  bom.components.push({
    type: "library",
    name,
    group,
    version,
    "bom-ref": purl,
    description,
    licenses,
    purl,
  });
  writeFileSync(bill, JSON.stringify(bom));
}
