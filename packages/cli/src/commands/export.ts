import { rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { cancelledError, type LayerId, type Store, withStoreErrors } from "@ob/core";
import { cacheFromOptions } from "../args/cache-options.ts";
import { findLayer, layerArgument } from "../args/layer-ref.ts";
import { acceptedButHidden, storeOptions, stringOption } from "../args/options.ts";
import { type ExportOutput, readOutput } from "../args/output.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { formatSize } from "../args/units.ts";
import { openSharedStore } from "../sharing/open-shared-store.ts";
import type { Command } from "./command.ts";

export const exportLayer: Command = {
  description:
    "Exports a layer's disk, with its backing chain, as one qcow2 file that boots on its own, or as an OCI image with that " +
    "file in it, which KubeVirt boots as a containerDisk. It appears when it is complete.",
  positionals: [
    layerArgument,
    { name: "FILE", describe: "The qcow2 file to write; or --output", complete: "file" },
  ],
  options: {
    ...storeOptions,
    ...cacheFromOptions,
    output: {
      kind: "value",
      value: "type=oci,dest=FILE",
      describe:
        "Write an OCI image: an archive, or a directory with tar=false; name=NAME names the disk. type=qcow2,dest=FILE is FILE",
      group: "Output:",
    },
    compress: { kind: "flag", describe: "Compress with zstd", group: "Output:" },
    force: { kind: "flag", describe: "Replace an existing file", group: "Output:" },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder export --store=qemu:/var/cache/obuilder 8a897f21e54d disk.qcow2", ""],
    ["obuilder export ... --compress 8a897f21e54d other-store/base-image/tools.qcow2", "as a new base image"],
  ],

  async run(args, session) {
    const { io } = session;
    const output = readOutput(args);
    await using opened = await openSharedStore(args, session);
    const { store } = opened;
    const id = findLayer(store, stringOption(args, "ID"));
    await opened.lookFor(id);
    const options = {
      compress: args["compress"] === true,
      overwrite: args["force"] === true,
      signal: io.signal,
    };
    io.restoreUmask?.();
    const { path } = output;
    if (output.type === "oci") await exportImage(store, id, { ...options, output });
    else await store.export(id, { path, ...options });
    const size =
      output.type === "oci" && !output.isArchive ? "" : ` (${formatSize((await stat(path)).size)})`;
    io.stdout.write(`Wrote ${path}${size}\n`);
  },
};

interface ImageExport {
  readonly output: ExportOutput & { readonly type: "oci" };
  readonly compress: boolean;
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
}

/** Writes an OCI image with the layer's disk. */
async function exportImage(
  store: Store,
  id: LayerId,
  { output, compress, overwrite, signal }: ImageExport,
): Promise<void> {
  const { containerDisk } = await import("../oci/container-disk.ts");
  const { checkTarget, partialBeside, writeLayout } = await import("../oci/write-layout.ts");
  const target = { path: output.path, isArchive: output.isArchive, overwrite, signal };
  await checkTarget(target);
  const disk = partialBeside(resolve(output.path), "qcow2");
  try {
    await store.export(id, { path: disk, compress, signal });
    const architecture = await architectureOf(store, id);
    const name = output.name ?? id.slice(0, 12);
    await withStoreErrors(`write ${output.path}`, async () => {
      await writeLayout(await containerDisk({ disk, name, architecture }), target);
    });
  } catch (error) {
    throw signal.aborted ? cancelledError(signal) : error;
  } finally {
    await rm(disk, { force: true });
  }
}

/** That of the layer's guest; amd64 where its base image does not say. */
async function architectureOf(store: Store, id: LayerId): Promise<string> {
  const parents = new Map([...store.list()].map((layer) => [layer.id, layer.parent]));
  let base = id;
  for (let next = parents.get(base); next !== undefined; next = parents.get(base)) base = next;
  return (await store.baseInfo(base)).manifest?.guestArch ?? "amd64";
}
