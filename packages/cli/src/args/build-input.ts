import { constants } from "node:fs";
import path from "node:path";
import type { BuildRequest } from "@ob/builder";
import { type Emit, errorMessage, localFs, ObError } from "@ob/core";
import type { ProcessIo } from "../process-io.ts";
import { readBuildArgs } from "./build-args.ts";
import { readIgnoreFile } from "./ignore-file.ts";
import { type Arguments, stringOption, stringOptions } from "./options.ts";
import { readSecrets } from "./secrets.ts";
import { readSpec } from "./spec-input.ts";

/**
 * Reads the input of `build`, `plan` and `submit`: the spec with the values of its args, the secrets, the source directory and which
 * ignore file counts. It is cheap, and done before anything is built. What is odd in the spec, but not wrong, is a warning.
 *
 * @throws ObError `USAGE`, `BAD_SECRET`, `BAD_SPEC`; `SpecError`.
 */
export async function readRequest(args: Arguments, io: ProcessIo, emit: Emit): Promise<BuildRequest> {
  const sourceDirectory = await checkSource(stringOption(args, "SRC_DIR"));
  const secrets = await readSecrets(stringOptions(args, "secret"), io.env);
  const buildArgs = readBuildArgs(args, io.env);
  const ignoreFile = await readIgnoreFile(args);
  const onWarning = (text: string) => emit({ type: "log", level: "warning", text });
  const { spec, source } = await readSpec(args, io, { onWarning });
  const { expandRequest } = await import("@ob/builder");
  const target = stringOption(args, "target");
  return expandRequest({ spec, source, buildArgs, target, sourceDirectory, secrets, ignoreFile }, { emit });
}

/** @throws ObError `USAGE` if the key of `--qemu-ssh-key` cannot be read: it is reported before the first step. */
export async function checkKey(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  await localFs.access(file, constants.R_OK).catch((cause: unknown) => {
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
  const stats = await localFs.stat(directory).catch((cause: unknown) => {
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
    throw new ObError("USAGE", `The source directory ${directory} is not a directory.`, {
      hint: `A spec is given with -f: -f ${directory} ., where . is the directory that \`copy\` takes files from.`,
    });
  return path.resolve(directory);
}
