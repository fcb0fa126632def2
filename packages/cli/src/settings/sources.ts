import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import path from "node:path";
import { errnoCode, errorMessage, localFs, ObError } from "@ob/core";
import { type Arguments, stringOption } from "../args/options.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** A file with settings, and how far it is trusted. */
export interface SettingsFile {
  /** `explicit`: of `--config`. `project`: beside the spec, so it comes from whoever wrote that. */
  readonly kind: "explicit" | "project" | "user" | "system";
  readonly file: string;
  /** Of a JSON file; undefined for a module. */
  readonly text: string | undefined;
}

/** Where the settings of all users of a machine are. */
export const systemDirectory = "/etc/obuilder";

const jsonName = "obuilder.json";
const moduleName = "obuilder.config.ts";

/** A settings file is written by hand. In bytes. */
const largestFile = 65_536;

/**
 * The settings files that `--config`, `--no-config`, `-f` and the environment lead to, those that come first in order. Of the user's two files the module counts.
 *
 * @throws ObError `USAGE` if one cannot be read.
 */
export async function findSettingsFiles(
  args: Arguments,
  env: Env,
  { system = systemDirectory }: { readonly system?: string } = {},
): Promise<readonly SettingsFile[]> {
  const explicit = stringOption(args, "config") ?? nonEmpty(env["OBUILDER_CONFIG"]);
  const given = stringOption(args, "config") !== undefined;
  if (args["no-config"] === true && given) {
    throw new ObError("USAGE", "--config and --no-config cannot be used together.");
  }
  if (args["no-config"] === true || (!given && isTrue(env["OBUILDER_NO_CONFIG"]))) return [];
  const found: (SettingsFile | undefined)[] = [];
  if (explicit === undefined) found.push(await projectFile(stringOption(args, "f")));
  else found.push(await explicitFile(explicit));
  const user = await userDirectory(env);
  if (user !== undefined) {
    const module = path.join(user, moduleName);
    const hasModule = readIfThere(module) !== undefined;
    found.push(
      hasModule
        ? { kind: "user", file: module, text: undefined }
        : await jsonFile("user", path.join(user, jsonName)),
    );
  }
  found.push(await jsonFile("system", path.join(system, jsonName)));
  return found.filter((each) => each !== undefined);
}

/** The module beside the spec that is not read, because it would be a stranger's code; undefined if there is none. */
export async function skippedModule(args: Arguments): Promise<string | undefined> {
  const spec = stringOption(args, "f");
  if (spec === undefined || spec === "-" || stringOption(args, "config") !== undefined) return undefined;
  const file = path.join(path.dirname(spec), moduleName);
  return readIfThere(file) === undefined ? undefined : file;
}

/**
 * $XDG_CONFIG_HOME/obuilder, by default ~/.config/obuilder. A relative $XDG_CONFIG_HOME is ignored, as its specification says, and so is a directory that
 * this user cannot enter: after sudo or in a service it is often somebody else's.
 */
async function userDirectory(env: Env): Promise<string | undefined> {
  const given = nonEmpty(env["XDG_CONFIG_HOME"]);
  const home = nonEmpty(env["HOME"]);
  const parent = given !== undefined && path.isAbsolute(given) ? given : home && path.join(home, ".config");
  if (parent === undefined || !path.isAbsolute(parent)) return undefined;
  const directory = path.join(parent, "obuilder");
  const isClosed = await localFs.access(directory, constants.X_OK).then(
    () => false,
    (error: unknown) => errnoCode(error) === "EACCES",
  );
  return isClosed ? undefined : directory;
}

async function projectFile(spec: string | undefined): Promise<SettingsFile | undefined> {
  if (spec === undefined || spec === "-" || spec === "") return undefined;
  return await jsonFile("project", path.join(path.dirname(spec), jsonName));
}

async function explicitFile(file: string): Promise<SettingsFile> {
  const text = readIfThere(file);
  if (text === undefined) throw new ObError("USAGE", `The settings file ${file} does not exist.`);
  return { kind: "explicit", file, text: /\.[cm]?[jt]s$/.test(file) ? undefined : text };
}

async function jsonFile(kind: SettingsFile["kind"], file: string): Promise<SettingsFile | undefined> {
  const text = readIfThere(file);
  return text === undefined ? undefined : { kind, file, text };
}

/** The text of a file; undefined if there is none. What a stranger has put there, such as a pipe, is not waited for. */
function readIfThere(file: string): string | undefined {
  try {
    using handle = openFile(file);
    const { fd } = handle;
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new ObError("USAGE", `The settings file ${file} is not a file.`);
    if (stats.size > largestFile) {
      throw new ObError("USAGE", `The settings file ${file} has more than ${largestFile} bytes.`);
    }
    const buffer = Buffer.alloc(largestFile);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, largestFile, 0));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoCode(error) ?? "")) return undefined;
    if (error instanceof ObError) throw error;
    throw new ObError("USAGE", `The settings file ${file} cannot be read: ${errorMessage(error)}.`, {
      cause: error,
    });
  }
}

/** Each command looks for these files: the calls that wait for a thread took longer than to read them. */
function openFile(file: string): Disposable & { readonly fd: number } {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

function isTrue(text: string | undefined): boolean {
  return /^(?:1|true|yes)$/i.test(text ?? "");
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
