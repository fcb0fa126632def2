import { join } from "node:path";
import { call } from "./tools.ts";
import { publicPackages, readManifest, repository } from "./workspace.ts";

/** A package as it would be published. */
export interface PackedPackage {
  readonly name: string;
  readonly version: string;
  /** Path of its folder, from the repository. */
  readonly folder: string;
  /** Absolute path of the .tgz file. */
  readonly tarball: string;
}

/** Packs every package that is published, into `directory`. */
export async function packAll(directory: string): Promise<readonly PackedPackage[]> {
  const packages = publicPackages();
  const filters = packages.map(({ name }) => `--filter=${name}`);
  const { packageManager = "pnpm" } = readManifest(repository);
  await call("npx", ["--yes", packageManager, ...filters, "pack", "--pack-destination", directory], {
    cwd: repository,
  });
  return packages.map(({ name, folder, manifest: { version } }) => {
    const file = `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
    return { name, version, folder, tarball: join(directory, file) };
  });
}
