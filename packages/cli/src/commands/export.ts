import { stat } from "node:fs/promises";
import { ObError } from "@ob/core";
import { findLayer } from "../args/layer-ref.ts";
import { acceptedButHidden, storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { formatSize } from "../args/units.ts";
import type { Command } from "./command.ts";

export const exportLayer: Command = {
  description:
    "Exports a layer's disk, with its backing chain, as one qcow2 file that boots on its own. The file appears when it " +
    "is complete.",
  positionals: [
    { name: "ID", describe: "The layer's id, or a prefix that no other layer has" },
    { name: "FILE", describe: "The file to write" },
  ],
  options: {
    ...storeOptions,
    compress: { kind: "flag", describe: "Compress with zstd", group: "Output:" },
    force: { kind: "flag", describe: "Replace an existing file", group: "Output:" },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder export --store=qemu:/var/cache/obuilder 8a897f21e54d disk.qcow2", ""],
    ["obuilder export ... --compress 8a897f21e54d other-store/base-image/tools.qcow2", "as a new base image"],
  ],

  async run(args, { services, io, location, emit }) {
    await using store = await services.openStore({ location, emit });
    const id = findLayer(store, stringOption(args, "ID"));
    const path = stringOption(args, "FILE");
    if (path === undefined) {
      throw new ObError("USAGE", "No file is given.", {
        hint: "Give the qcow2 file to write, after the id.",
      });
    }
    const { compress, force } = args;
    const signal = io.signal;
    io.restoreUmask?.();
    await store.export(id, { path, compress: compress === true, overwrite: force === true, signal });
    io.stdout.write(`Wrote ${path} (${formatSize((await stat(path)).size)})\n`);
  },
};
