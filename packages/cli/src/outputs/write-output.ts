import { stat } from "node:fs/promises";
import { type Emit, type EphemeralGuest, type LayerId, ObError, type Store } from "@ob/core";
import { isOnStdout, type LayerOutput } from "../args/output.ts";
import { formatSize } from "../args/units.ts";
import { layoutMarker } from "../oci/write-layout.ts";
import type { ProcessIo } from "../process-io.ts";
import { checkTarget, type Target } from "./publish.ts";

export interface OutputOptions {
  readonly store: Store;
  /** Boots an ephemeral guest on the layer. The caller disposes of it. */
  readonly openGuest: () => Promise<EphemeralGuest>;
  readonly io: ProcessIo;
  /** Replaces what is there. */
  readonly overwrite: boolean;
  readonly emit: Emit;
}

/** @throws ObError `USAGE` if it cannot be written there: it is reported before anything is built or booted. */
export async function checkOutput(
  output: LayerOutput,
  { io, overwrite }: Pick<OutputOptions, "io" | "overwrite">,
): Promise<void> {
  if (isOnStdout(output) && io.stdout.isTTY === true) {
    throw new ObError("USAGE", "An archive is not written to a terminal.", {
      hint: "Redirect it, or name a file: type=tar,dest=FILE",
    });
  }
  if (output.type === "local" || output.type === "tar") {
    const { checkSourcePath } = await import("@ob/builder");
    checkSourcePath(output.source);
  }
  if (output.type === "local") return await checkDirectory(output.path ?? "");
  const target = targetOf(output, overwrite);
  if (target) await checkTarget(target);
}

/** Writes an output of a layer. @returns what to say of it. */
export async function writeOutput(
  id: LayerId,
  output: LayerOutput,
  options: OutputOptions,
): Promise<string | undefined> {
  const { store, openGuest, io, overwrite, emit } = options;
  const { signal, stdout } = io;
  const target = targetOf(output, overwrite);
  io.restoreUmask?.();
  switch (output.type) {
    case "local":
    case "tar": {
      const { writeFiles } = await import("./write-files.ts");
      await using guest = await openGuest();
      await writeFiles(output, { guest, stdout, target, signal, emit });
      break;
    }
    case "oci": {
      const { writeImage } = await import("./write-image.ts");
      if (target) await writeImage(id, output, { store, target, signal });
      break;
    }
    case "qcow2":
    case "raw":
    case "vmdk":
    case "vhdx": {
      const { path, compress, type: format } = output;
      await store.export(id, { path, format, compress, overwrite, signal });
      break;
    }
  }
  return target && (await said(target));
}

/** Undefined for standard output. */
function targetOf(output: LayerOutput, overwrite: boolean): Target | undefined {
  const { path, type } = output;
  if (path === undefined) return undefined;
  const isDirectory = type === "local" || (type === "oci" && !output.isArchive);
  return { path, isDirectory, overwrite, marker: type === "oci" ? layoutMarker : undefined };
}

async function said({ path, isDirectory }: Target): Promise<string> {
  return `Wrote ${path}${isDirectory ? "" : ` (${formatSize((await stat(path)).size)})`}`;
}

async function checkDirectory(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found && !found.isDirectory()) throw new ObError("USAGE", `${path} is not a directory.`);
}
