import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { run, errnoCode } from "@ob/core";
import { withPrefix } from "../disk/fakeroot.ts";

export interface UnpackOptions {
  /** Absolute path of the root directory. */
  readonly root: string;
  /** See `fakerootPrefix`. */
  readonly asRoot: readonly string[];
  /** Absolute path of a directory for temporary files. */
  readonly scratch: string;
  /** Paths of the packages whose maintainer scripts run later: dpkg's database lists them as unpacked only. */
  readonly pending?: ReadonlySet<string> | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A package's entries in dpkg's database. */
export interface UnpackedPackage {
  /** `NAME`, or `NAME:ARCH` for a package that several architectures can install in parallel. */
  readonly key: string;
  /** The package's paragraph of the status file. */
  readonly status: string;
  readonly triggers: string;
}

/**
 * Unpacks a package and registers it in `var/lib/dpkg/info`, so that dpkg in the guest considers it installed. None
 * of its scripts runs.
 */
export async function unpackPackage(deb: string, options: UnpackOptions): Promise<UnpackedPackage> {
  const { root, scratch, pending, signal } = options;
  const control = join(scratch, basename(deb));
  const [listing] = await Promise.all([
    extract(deb, options),
    run(["dpkg-deb", "--control", deb, control], { signal }),
  ]);
  const fields = (await readFile(join(control, "control"), "utf8")).trim();
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(fields)?.[1];
  const name = field("Package") ?? "";
  const key = field("Multi-Arch") === "same" ? `${name}:${field("Architecture")}` : name;
  const conffiles = await conffileField(await readOptional(join(control, "conffiles")), root);
  const triggers = await readOptional(join(control, "triggers"));

  const info = join(root, "var/lib/dpkg/info");
  await mkdir(info, { recursive: true });
  await rm(join(control, "control"));
  for (const file of await readdir(control)) await rename(join(control, file), join(info, `${key}.${file}`));
  await writeList(join(info, `${key}.list`), listing);
  const [first = "", ...rest] = fields.split("\n");
  const state = pending?.has(deb) === true ? "unpacked" : "installed";
  return { key, status: [first, `Status: install ok ${state}`, ...rest, ...conffiles].join("\n"), triggers };
}

/**
 * Extracts the files as dpkg does: a directory of the package is no reason to replace a link to one, such as `/bin`, which packages of
 * Debian 12 still have. @returns tar's list of them.
 */
async function extract(deb: string, { root, asRoot, scratch, signal }: UnpackOptions): Promise<string> {
  const archive = join(scratch, `${basename(deb)}.tar`);
  await run(["dpkg-deb", "--fsys-tarfile", deb], { stdoutFile: archive, signal });
  const options = ["--extract", "--verbose", "--preserve-permissions", "--keep-directory-symlink"];
  const tar = ["tar", ...options, "--file", archive, "--directory", root] as const;
  const { stdout } = await run(withPrefix(asRoot, tar), { signal });
  await rm(archive);
  return stdout;
}

/** Converts tar's `./usr/bin/` to dpkg's `/usr/bin`. */
async function writeList(file: string, listing: string): Promise<void> {
  const paths = listing.split("\n").map((line) => line.replace(/^\.(?=\/)/, "").replace(/(.)\/$/, "$1"));
  await writeFile(file, `${["/.", ...paths.filter((path) => path.length > 1)].join("\n")}\n`);
}

/**
 * The `Conffiles` field. dpkg keeps a file whose md5 differs from this list, because an administrator has changed it.
 */
async function conffileField(list: string, root: string): Promise<readonly string[]> {
  const paths = list.split("\n").filter((line) => line.startsWith("/"));
  if (paths.length === 0) return [];
  const lines = paths.map(async (path) => {
    const md5 = createHash("md5").update(await readFile(join(root, path)));
    return ` ${path} ${md5.digest("hex")}`;
  });
  return ["Conffiles:", ...(await Promise.all(lines))];
}

async function readOptional(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return "";
    throw error;
  }
}
