import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isObError, ObError, run } from "@ob/core";
import { type IsoFile, listIso, makeIso } from "@ob/images/toolkit";
import { autounattend } from "./autounattend.ts";
import { drivers, driverSystem } from "./downloads.ts";

export interface AnswerDiscOptions {
  readonly user: string;
  readonly password: string;
  /** A line of `authorized_keys`. */
  readonly publicKey: string;
  readonly ocaml: string | undefined;
  readonly cygwinPackages: readonly string[];
  /** Absolute paths of the downloads. */
  readonly files: {
    readonly virtioIso: string;
    readonly opensshMsi: string;
    readonly cygwinSetup: string;
    readonly opamExe: string | undefined;
  };
  /** Absolute path of an empty directory for temporary files. */
  readonly directory: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Creates the CD image from which Windows Setup reads its answers and drivers, and the first logon its files.
 *
 * @throws ObError `BASE_IMAGE` if the driver ISO lacks a required driver; as `makeIso`.
 */
export async function makeAnswerDisc(iso: string, options: AnswerDiscOptions): Promise<void> {
  const { user, password, publicKey, ocaml, cygwinPackages, files, directory, signal } = options;
  const [work, driverFiles] = [join(directory, "work"), join(directory, "drivers")];
  await mkdir(work, { recursive: true });
  const settings = { user, publicKey, cygwinPackages, ...(ocaml !== undefined && { ocaml }) };
  const disc: readonly IsoFile[] = [
    { path: "autounattend.xml", contents: windowsText(autounattend({ user, password })) },
    ...(await extractDrivers(files.virtioIso, driverFiles, signal)),
    { path: "obuilder/install.ps1", contents: windowsText(await installScript()) },
    { path: "obuilder/settings.json", contents: `${JSON.stringify(settings, undefined, 2)}\n` },
    { path: "obuilder/OpenSSH-Win64.msi", source: files.opensshMsi },
    { path: "obuilder/setup-x86_64.exe", source: files.cygwinSetup },
    ...(files.opamExe === undefined ? [] : [{ path: "obuilder/opam.exe", source: files.opamExe }]),
  ];
  await makeIso(iso, { label: "OBUILDER", files: disc, directory: work, signal });
}

export function installScript(): Promise<string> {
  return readFile(fileURLToPath(import.meta.resolve("#windows-server-2022/guest/install.ps1")), "utf8");
}

/** Setup loads drivers from this directory of any disc, and installs them in the new system. */
const driverDirectory = "$WinPEDriver$";

async function extractDrivers(
  iso: string,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<readonly IsoFile[]> {
  await mkdir(directory, { recursive: true });
  const files: IsoFile[] = [];
  const all = await listIso(iso, { signal });
  for (const driver of drivers) {
    const source = `/${driver}/${driverSystem}/amd64/`;
    // Setup does not need debugger symbols.
    const names = all.filter((path) => path.startsWith(source) && !path.endsWith(".pdb"));
    if (!names.some((path) => path.endsWith(".inf"))) {
      throw new ObError("BASE_IMAGE", `The virtio drivers' disc has no ${driver} for ${driverSystem}.`, {
        hint: "The recipe knows the discs of virtio-win since 0.1.215.",
      });
    }
    for (const path of names) {
      const name = path.slice(source.length);
      const target = join(directory, `${driver}-${name.replaceAll("/", "-")}`);
      await extract(iso, { path, target, signal });
      files.push({ path: `${driverDirectory}/${driver}/${name}`, source: target });
    }
  }
  return files;
}

async function extract(
  iso: string,
  { path, target, signal }: { path: string; target: string; signal: AbortSignal | undefined },
): Promise<void> {
  try {
    await run(["xorriso", "-osirrox", "on", "-indev", iso, "-extract", path, target], { signal });
  } catch (error) {
    if (!isObError(error, "TOOL_FAILED")) throw error;
    throw new ObError("BASE_IMAGE", `${path} cannot be read from ${iso}.\n${error.message}`, {
      cause: error,
    });
  }
}

function windowsText(text: string): string {
  return text.replaceAll("\n", "\r\n");
}
