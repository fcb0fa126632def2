import { layerCount } from "../args/layer-ref.ts";
import { acceptedButHidden, sandboxOptions, storeOptions, stringOption } from "../args/options.ts";
import { parseStoreLocation } from "../args/store-location.ts";
import type { Command } from "./command.ts";

export const clean: Command = {
  description:
    "Deletes all layers of the store. Base images and caches stay, and so do layers that a running build uses.",
  positionals: [],
  options: { ...storeOptions, ...acceptedButHidden(sandboxOptions) },
  examples: [["obuilder clean --store=qemu:/var/cache/obuilder", ""]],

  async run(args, { services: engine, io: host }) {
    const location = parseStoreLocation(stringOption(args, "store") ?? host.env["OBUILDER_STORE"]);
    await using store = await engine.openStore({ location });
    // The store counts whole seconds, so that a layer used in this one is not yet before now.
    const before = new Date(Date.now() + 1_000);
    const gone = await store.prune({
      before,
      signal: host.signal,
      onDelete: (layer) => void host.stdout.write(`Removing ${layer}\n`),
    });
    await engine.sweepTemplates({ location });
    host.stdout.write(`Removed ${layerCount(gone.length)}\n`);
  },
};
