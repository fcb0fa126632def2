import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { ObError, errnoCode } from "@ob/core";
import { resolveOcaml } from "./ocaml-versions.ts";
import type { Recipe, RecipeParameters } from "./recipe.ts";

/** The parameters of a request; undefined or empty where not given. */
export interface ParameterRequest {
  /** `X.Y.Z`, or `X.Y` for its newest release. */
  readonly ocaml?: string | undefined;
  /** In bytes. */
  readonly diskSize?: number | undefined;
  readonly user?: string | undefined;
  readonly packages?: readonly string[] | undefined;
  /** Path of a file. */
  readonly iso?: string | undefined;
  /** `FILE` or `NAME=FILE`, where NAME is the name of one of the recipe's downloads. */
  readonly from?: readonly string[] | undefined;
}

/** Separates the recipe's name and the version of OCaml in the name of an image. */
export const ocamlInfix = "-ocaml-";

const userPattern = /^[a-z_][a-z0-9_-]{0,30}$/i;
const packagePattern = /^[a-z0-9][a-z0-9.+_:~-]*$/i;

/** Validates a request against what the recipe supports, and adds defaults. @throws ObError `USAGE`. */
export async function readParameters(request: ParameterRequest, recipe: Recipe): Promise<RecipeParameters> {
  return {
    ocaml: request.ocaml === undefined ? undefined : resolveOcaml(request.ocaml, recipe),
    diskSize: readDiskSize(request, recipe),
    user: readUser(request, recipe),
    packages: readPackages(request, recipe),
    iso: await readIso(request, recipe),
    from: await readDownloads(request, recipe),
  };
}

function readDiskSize({ diskSize }: ParameterRequest, { name, supports }: Recipe): number {
  const { default: usual, min } = supports.diskSize;
  if (diskSize === undefined) return usual;
  if (diskSize < min) {
    const gib = (bytes: number): string => `${Math.round((bytes / 1024 ** 3) * 10) / 10} GiB`;
    throw new ObError("USAGE", `A disk of ${gib(diskSize)} is too small for ${name}.`, {
      hint: `It needs ${gib(min)}; by default it has ${gib(usual)}.`,
    });
  }
  // A multiple of the sizes of sectors and of file system blocks.
  return Math.ceil(diskSize / 2 ** 20) * 2 ** 20;
}

function readUser({ user }: ParameterRequest, { name, supports }: Recipe): string {
  if (user === undefined) return supports.user.default;
  const pattern = supports.user.pattern ?? userPattern;
  if (userPattern.test(user) && pattern.test(user)) return user;
  throw new ObError("USAGE", `${JSON.stringify(user)} cannot be the login user of ${name}.`, {
    hint: `A user's name has letters, digits, _ and -, and does not start with a digit; by default it is ${supports.user.default}.`,
  });
}

function readPackages({ packages = [] }: ParameterRequest, { name, supports }: Recipe): readonly string[] {
  if (packages.length === 0) return [];
  if (!supports.packages)
    throw new ObError("USAGE", `The recipe ${name} does not support additional packages.`);
  const { pattern = packagePattern, from } = supports.packages;
  const odd = packages.find((one) => !pattern.test(one));
  if (odd === undefined) return [...new Set(packages)].toSorted();
  throw new ObError("USAGE", `${JSON.stringify(odd)} is not the name of a package.`, {
    hint: `Packages come from ${from}.`,
    data: { option: "packages" },
  });
}

async function readIso({ iso }: ParameterRequest, { name, supports }: Recipe): Promise<string | undefined> {
  if (iso !== undefined && !supports.iso) {
    throw new ObError("USAGE", `The recipe ${name} does not use an ISO.`);
  }
  if (iso !== undefined) return await existing(iso, "The ISO");
  if (supports.iso?.required !== true) return undefined;
  throw new ObError("USAGE", `${name} is installed from ${supports.iso.what}, which cannot be downloaded.`, {
    data: { option: "iso" },
  });
}

async function readDownloads(
  { from = [] }: ParameterRequest,
  { name, supports }: Recipe,
): Promise<ReadonlyMap<string, string>> {
  const { downloads = [] } = supports;
  const names = downloads.map((download) => download.name);
  const files = new Map<string, string>();
  for (const given of from) {
    const named = names.find((one) => given.startsWith(`${one}=`));
    const file = named === undefined ? given : given.slice(named.length + 1);
    const which = named ?? names.find((one) => one === basename(file)) ?? only(names);
    if (which === undefined) {
      throw new ObError("USAGE", `The recipe ${name} does not download ${given}.`, {
        hint:
          names.length === 0
            ? "It downloads no files that can be replaced."
            : `It downloads ${names.join(", ")}.`,
        ...(names.length === 0 ? {} : { data: { option: "from" } }),
      });
    }
    if (files.has(which)) throw new ObError("USAGE", `Two files are given for ${which}.`);
    files.set(which, await existing(file, `The file for ${which}`));
  }
  return files;
}

function only(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined;
}

async function existing(file: string, what: string): Promise<string> {
  try {
    if ((await stat(file)).isFile()) return resolve(file);
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
  }
  throw new ObError("USAGE", `${what} does not exist or is not a regular file: ${file}`);
}
