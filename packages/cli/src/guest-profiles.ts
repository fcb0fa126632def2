import { registerHooks } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isGuestOsName, errorMessage, ObError } from "@ob/core";
import type { GuestProfileFactory, GuestProfiles } from "@ob/sandbox-qemu";

/** What every profile must have; see `GuestProfile`. */
const required = [
  ...["os", "cacheFileSystem", "copyTarget", "copySource", "rootAccess", "imageChecks", "identity"],
  ...["panicPattern", "sshReadyPattern", "prepare", "mount", "run", "unpack", "unmount", "flush", "shutdown"],
  ...["readArchive", "runScript"],
];

/**
 * Loads guest profiles: the function `profile` that each file exports. Their code runs as the user's own.
 *
 * @returns the profiles by the names of their guest OS.
 * @throws ObError `USAGE` that says what is wrong with a file.
 */
export async function loadGuestProfiles(files: readonly string[]): Promise<GuestProfiles> {
  const profiles: Record<string, GuestProfileFactory> = {};
  for (const file of files) {
    const { os, profile } = await loadGuestProfile(resolve(file));
    profiles[os] = profile;
  }
  return profiles;
}

async function loadGuestProfile(file: string) {
  const { profile } = await importModule(file);
  if (!isFactory(profile)) throw invalid(file, "exports no function `profile`");
  let example: Readonly<Record<string, unknown>>;
  try {
    example = { ...profile("root") };
  } catch (cause) {
    throw invalid(file, `has a \`profile\` that fails: ${errorMessage(cause)}`, cause);
  }
  const missing = required.filter((name) => example[name] === undefined);
  if (missing.length > 0) throw invalid(file, `has a profile without ${missing.join(", ")}`);
  const { os } = example;
  if (typeof os !== "string" || !isGuestOsName(os)) {
    throw invalid(
      file,
      `has a profile with the \`os\` ${JSON.stringify(os)}, which cannot be the name of one`,
    );
  }
  return { os, profile };
}

/** Only what its result has can be checked. */
function isFactory(value: unknown): value is GuestProfileFactory {
  return typeof value === "function";
}

async function importModule(file: string): Promise<{ readonly profile?: unknown }> {
  await provideModules(pathToFileURL(`${dirname(file)}/`).href);
  try {
    const module: unknown = await import(pathToFileURL(file).href);
    return typeof module === "object" && module !== null ? module : {};
  } catch (cause) {
    throw new ObError("USAGE", `The guest profile ${file} cannot be loaded: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

/**
 * Lets the files of a directory import `@ob/sandbox-qemu` and `@ob/core` without installing them: they get this program's
 * own copies, which a bundled program has in no file of their own.
 */
async function provideModules(directory: string): Promise<void> {
  const modules: Readonly<Record<string, object>> = {
    "@ob/core": await import("@ob/core"),
    "@ob/sandbox-qemu": await import("@ob/sandbox-qemu"),
  };
  const shared = Symbol.for("obuilder.modules");
  Object.assign(globalThis, { [shared]: modules });
  const scheme = "obuilder:";
  registerHooks({
    resolve: (specifier, context, next) =>
      context.parentURL?.startsWith(directory) === true && Object.hasOwn(modules, specifier)
        ? { url: `${scheme}${specifier}`, format: "module", shortCircuit: true }
        : next(specifier, context),
    load: (url, context, next) => {
      if (!url.startsWith(scheme)) return next(url, context);
      const name = url.slice(scheme.length);
      const names = Object.keys(modules[name] ?? {}).join(", ");
      const found = `globalThis[Symbol.for(${JSON.stringify(shared.description)})][${JSON.stringify(name)}]`;
      return { format: "module", source: `export const { ${names} } = ${found};`, shortCircuit: true };
    },
  });
}

function invalid(file: string, lack: string, cause?: unknown): ObError {
  return new ObError("USAGE", `${file} ${lack}.`, {
    cause,
    hint: "docs/guests.md describes how to write a guest profile; examples/own-guest has one.",
  });
}
