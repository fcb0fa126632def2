import { layerCount } from "../args/layer-ref.ts";
import { acceptedButHidden, storeOptions } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import type { Command } from "./command.ts";

export const clean: Command = {
  description:
    "Deletes all layers of the store, except those that a running build uses, and those with tags and what they are based on. " +
    "Base images and caches are kept.",
  positionals: [],
  options: { ...storeOptions, ...acceptedButHidden(sandboxOptions) },
  examples: [["obuilder clean --store=qemu:/var/cache/obuilder", ""]],

  async run(_args, { services, io, location }) {
    await using store = await services.openStore({ location });
    // The store counts whole seconds: a layer that was used in the current one is not yet before now.
    const before = new Date(Date.now() + 1_000);
    const gone = await store.prune({
      before,
      signal: io.signal,
      onDelete: (layer) => void io.stdout.write(`Removing ${layer}\n`),
    });
    await services.pruneSnapshots({ location });
    io.stdout.write(`Removed ${layerCount(gone.length)}\n`);
  },
};
