import { findLayer, layerArgument, layerCount } from "../args/layer-ref.ts";
import { acceptedButHidden, storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import type { Command } from "./command.ts";

export const deleteLayer: Command = {
  description:
    "Deletes a layer and all layers based on it. If one of them is in use, or has a tag, none is deleted.",
  positionals: [layerArgument],
  options: {
    ...storeOptions,
    force: { kind: "flag", describe: "Delete layers that have tags, too, with the tags", group: "Filters:" },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder delete --store=qemu:/var/cache/obuilder 8a897f21e54d", ""],
    ["obuilder delete --force ... tools", "a layer with a name"],
  ],

  async run(args, { services, io, location }) {
    await using store = await services.openStore({ location });
    const id = findLayer(store, stringOption(args, "ID"));
    const gone = await store.delete(id, {
      force: args["force"] === true,
      onDelete: (layer) => void io.stdout.write(`Removing ${layer}\n`),
    });
    await services.pruneSnapshots({ location });
    io.stdout.write(`Removed ${layerCount(gone.length)}\n`);
  },
};
