// node scripts/package-metadata.mjs: gives each package that is published the repository, author and license of the root's
// package.json, the only place where they are written by hand, and the pages of that repository. `packaging/` tests that they
// agree.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("..", import.meta.url));

/** @returns what `manifest`, of the package in `directory`, must have from the root's. */
export function sharedMetadata(root, directory) {
  const {
    license,
    author,
    repository: { type, url },
  } = root;
  const page = url.replace(/^git\+/, "").replace(/\.git$/, "");
  return {
    homepage: `${page}/tree/main/${directory}#readme`,
    bugs: `${page}/issues`,
    license,
    author,
    repository: { type, url, directory },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  for (const file of globSync(["packages/*/package.json", "images/package.json"], { cwd: repository })) {
    const path = join(repository, file);
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    if (manifest.private) continue;
    const shared = sharedMetadata(root, dirname(file));
    writeFileSync(path, `${JSON.stringify({ ...manifest, ...shared }, undefined, 2)}\n`);
  }
}
