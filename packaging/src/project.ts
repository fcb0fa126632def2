import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { call } from "./tools.ts";
import type { PackedPackage } from "./pack.ts";

export interface ProjectOptions {
  /** Absolute path; made. */
  readonly directory: string;
  /** All packages as tarballs: what one depends on is taken from here, and not from a registry. */
  readonly packed: readonly PackedPackage[];
  /** Names of those that the project itself asks for. */
  readonly wanted: readonly string[];
  /** Packages of others that it asks for, with their versions. */
  readonly others?: Readonly<Record<string, string>>;
}

/** Makes an empty project and installs the tarballs of packages with npm, as a user would from a registry. */
export async function installProject(options: ProjectOptions): Promise<void> {
  const { directory, packed, wanted, others = {} } = options;
  const files = Object.fromEntries(packed.map(({ name, tarball }) => [name, `file:${tarball}`]));
  const pick = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, files[name]]));
  const rest = packed.map(({ name }) => name).filter((name) => !wanted.includes(name));
  const manifest = {
    ...{ name: "project", private: true, type: "module" },
    dependencies: { ...pick(wanted), ...others },
    overrides: pick(rest),
  };
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "package.json"), JSON.stringify(manifest));
  // A registry that stalls is asked again, long before npm's own five minutes.
  const network = ["--prefer-offline", "--fetch-timeout=20000", "--fetch-retry-mintimeout=1000"];
  const args = ["install", ...network, "--no-audit", "--no-fund", "--engine-strict"];
  await call("npm", args, { cwd: directory, timeout: 240_000 });
}

/** What npm writes down about an installed package. */
export interface InstalledPackage {
  readonly hasInstallScript?: boolean;
  readonly engines?: { readonly node?: string };
}

/** All packages of a project's node_modules, by their paths. */
export async function installedPackages(directory: string): Promise<ReadonlyMap<string, InstalledPackage>> {
  const text = await readFile(join(directory, "node_modules", ".package-lock.json"), "utf8");
  const lock: { readonly packages: Readonly<Record<string, InstalledPackage>> } = JSON.parse(text);
  return new Map(Object.entries(lock.packages));
}
