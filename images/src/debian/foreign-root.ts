import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "@ob/core";
import { withPrefix } from "../disk/fakeroot.ts";
import { type UnpackedPackage, unpackPackage, type UnpackOptions } from "./unpack-deb.ts";

export interface UnpackRootOptions extends UnpackOptions {
  /** As `AptRootOptions`. */
  readonly excludePaths: readonly string[];
  readonly dpkgOptions: readonly string[];
}

/**
 * Unpacks Debian packages of any architecture as a root file system, without running any of their programs. The
 * recipe does what their maintainer scripts would have set up; dpkg's database lists all packages as installed.
 *
 * @param debs absolute paths.
 */
export async function unpackRoot(debs: readonly string[], options: UnpackRootOptions): Promise<void> {
  const { root, asRoot, excludePaths, dpkgOptions, signal } = options;
  const at = (path: string): string => join(root, path);
  for (const directory of ["bin", "lib", "sbin"]) {
    await mkdir(at(`usr/${directory}`), { recursive: true });
    await symlink(`usr/${directory}`, at(directory));
  }
  const packages: UnpackedPackage[] = [];
  for (const deb of debs) packages.push(await unpackPackage(deb, options));
  await writeDatabase(at("var/lib/dpkg"), packages);

  const exclusion = excludePaths.map((path) =>
    path.startsWith("!") ? `path-include=${path.slice(1)}` : `path-exclude=${path}`,
  );
  await mkdir(at("etc/dpkg/dpkg.cfg.d"), { recursive: true });
  await writeFile(at("etc/dpkg/dpkg.cfg.d/obuilder"), `${[...exclusion, ...dpkgOptions].join("\n")}\n`);
  await removeExcluded(options);
  await run(withPrefix(asRoot, ["chown", "-R", "0:0", at("var/lib/dpkg"), at("etc/dpkg")]), { signal });
}

/** Applies the exclusions as dpkg does: a pattern removes paths, unless a later pattern includes them again. */
async function removeExcluded({ root, excludePaths, signal }: UnpackRootOptions): Promise<void> {
  const kept = excludePaths.filter((path) => path.startsWith("!")).map((path) => join(root, path.slice(1)));
  for (const pattern of excludePaths.filter((path) => !path.startsWith("!"))) {
    const directory = join(root, pattern.replace(/\/\*$/, ""));
    const unless = kept.flatMap((path) => ["!", "-path", path]);
    await mkdir(directory, { recursive: true });
    await run(["find", directory, "!", "-type", "d", ...unless, "-delete"], { signal });
    await run(["find", directory, "-mindepth", "1", "-type", "d", "-empty", "-delete"], { signal });
  }
}

async function writeDatabase(directory: string, packages: readonly UnpackedPackage[]): Promise<void> {
  await mkdir(join(directory, "triggers"), { recursive: true });
  await mkdir(join(directory, "updates"), { recursive: true });
  await writeFile(join(directory, "status"), packages.map(({ status }) => `${status}\n\n`).join(""));
  await writeFile(join(directory, "available"), "");
  await writeFile(join(directory, "info/format"), "1\n");
  for (const [file, lines] of triggerFiles(packages)) {
    await writeFile(join(directory, "triggers", file), `${lines.join("\n")}\n`);
  }
}

/** Maps triggers to interested packages: path triggers share the file `File`, every named trigger is a file. */
function triggerFiles(packages: readonly UnpackedPackage[]): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>();
  for (const { key, triggers } of packages) {
    for (const [, flavour = "", name = ""] of triggers.matchAll(/^\s*interest(\S*)\s+(\S+)/gm)) {
      const who = flavour === "-noawait" ? `${key}/noawait` : key;
      const [file, line] = name.startsWith("/") ? ["File", `${name} ${who}`] : [name, who];
      files.set(file, [...(files.get(file) ?? []), line]);
    }
  }
  return files;
}
