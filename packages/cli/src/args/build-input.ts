import { access, constants, readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { BuildRequest } from "@ob/builder";
import { type Emit, errorMessage, ObError } from "@ob/core";
import type { ProcessIo } from "../process-io.ts";
import { readIgnoreFile } from "./ignore-file.ts";
import { type Arguments, stringOption, stringOptions } from "./options.ts";
import { readSpec } from "./spec-input.ts";

/**
 * Reads the input of `build` and `plan`: the spec, the secrets, the source directory and which ignore file counts. It is
 * cheap, and done before anything is built. What is odd in the spec, but not wrong, is a warning.
 *
 * @throws ObError `USAGE`, `BAD_SECRET`; `SpecError`.
 */
export async function readRequest(args: Arguments, io: ProcessIo, emit: Emit): Promise<BuildRequest> {
  const sourceDirectory = await checkSource(stringOption(args, "SRC_DIR"));
  const secrets = await readSecrets(stringOptions(args, "secret"));
  const ignoreFile = await readIgnoreFile(args);
  const onWarning = (text: string) => emit({ type: "log", level: "warning", text });
  const { spec, source } = await readSpec(args, io, { onWarning });
  return { spec, source, sourceDirectory, secrets, ignoreFile };
}

/** @throws ObError `USAGE` if the key of `--qemu-ssh-key` cannot be read: it is reported before the first step. */
export async function checkKey(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  await access(file, constants.R_OK).catch((cause: unknown) => {
    throw new ObError("USAGE", `The key of --qemu-ssh-key cannot be read: ${errorMessage(cause)}.`, {
      cause,
      hint: "Give the private key that the guest's login user accepts; without the option the image's own key is used.",
    });
  });
}

async function checkSource(directory: string | undefined): Promise<string> {
  if (directory === undefined) {
    throw new ObError("USAGE", "No source directory is given.", {
      hint: "Give the directory that `copy` takes files from as the last argument; `.` is the current one.",
    });
  }
  const stats = await stat(directory).catch((cause: unknown) => {
    throw new ObError(
      "USAGE",
      `The source directory ${directory} cannot be opened: ${errorMessage(cause)}.`,
      {
        cause,
        hint: "Give the directory that `copy` takes files from; `.` is the current one.",
      },
    );
  });
  if (!stats.isDirectory())
    throw new ObError("USAGE", `The source directory ${directory} is not a directory.`);
  return path.resolve(directory);
}

/**
 * Reads the files of `--secret ID:FILE`. An id given twice keeps its first file, as in the original.
 *
 * @throws ObError `USAGE` for the syntax, `BAD_SECRET` for the file. Neither message contains a part of a secret.
 */
export async function readSecrets(given: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const secrets = new Map<string, Uint8Array>();
  for (const secret of given) {
    const [, id, file] = /^([^:]+):(.+)$/s.exec(secret) ?? [];
    if (id === undefined || file === undefined) {
      throw new ObError("USAGE", `--secret takes ID:FILE, not ${JSON.stringify(secret)}.`, {
        hint: "ID is the name in the spec, FILE the path of the file with the secret.",
      });
    }
    if (!secrets.has(id)) secrets.set(id, await readSecret(id, file));
  }
  return secrets;
}

async function readSecret(id: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new ObError(
      "BAD_SECRET",
      `The secret ${JSON.stringify(id)} cannot be read: ${errorMessage(cause)}.`,
      {
        cause,
        hint: "--secret takes ID:FILE, where FILE is a file that you may read.",
      },
    );
  }
}
