// The licenses of libraries that a bundle holds: most ask that their text goes along.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * @param modules absolute paths of the files that were bundled.
 * @returns the text of a file for the bundle: each library from elsewhere with its license.
 */
export function thirdPartyLicenses(modules) {
  const packages = new Map();
  for (const module of modules) {
    const found = packageOf(module.replace(/^\0+|[?#].*$/g, ""));
    if (found && !found.name.startsWith("@ob/")) packages.set(`${found.name}@${found.version}`, found);
  }
  const names = [...packages.keys()].toSorted((a, b) => a.localeCompare(b));
  return names.map((name) => `${name}\n\n${licenseOf(packages.get(name))}\n`).join(`\n${"-".repeat(80)}\n\n`);
}

/**
 * Takes the license files that a bundler has put beside its scripts, `NAME.js.LICENSE.txt`, out of a directory.
 *
 * @returns their texts, each once. Beside the scripts they would count as the license of the package that they are packed in.
 */
export function takeLicenses(directory) {
  const files = readdirSync(directory, { recursive: true }).filter((file) => file.endsWith(".LICENSE.txt"));
  const texts = files
    .toSorted((a, b) => a.localeCompare(b))
    .map((file) => readFileSync(join(directory, file), "utf8"));
  for (const file of files) rmSync(join(directory, file));
  return [...new Set(texts)];
}

/** The package that a file belongs to, or undefined. Some have a package.json in a folder that only says a `type`. */
function packageOf(file) {
  for (let directory = dirname(file); directory !== dirname(directory); directory = dirname(directory)) {
    const path = join(directory, "package.json");
    if (!existsSync(path)) continue;
    const { name, version, license } = JSON.parse(readFileSync(path, "utf8"));
    if (name !== undefined && version !== undefined) return { directory, name, version, license };
  }
  return undefined;
}

function licenseOf({ directory, license }) {
  const file = readdirSync(directory).find((name) => /^licen[cs]e/i.test(name));
  return file === undefined ? `License: ${license}` : readFileSync(join(directory, file), "utf8").trim();
}
