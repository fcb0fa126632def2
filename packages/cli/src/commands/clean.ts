import { layerCount } from "../args/layer-ref.ts";
import { acceptedButHidden, storeOptions } from "../args/options.ts";
import { previewPrune } from "../args/prune-dry-run.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { confirmOptions, confirmRemoval, isAsked } from "../layers/confirm-removal.ts";
import type { Command } from "./command.ts";

export const clean: Command = {
  description:
    "Deletes all layers of the store, except those that a running build uses, and those with tags and what they are based on. " +
    "Base images and caches are kept. On a terminal it shows the layers and asks.",
  positionals: [],
  options: {
    ...storeOptions,
    all: { kind: "flag", short: "a", describe: "Also layers with tags", group: "Filters:" },
    "dry-run": { kind: "flag", describe: "Only print which layers would be deleted", group: "Filters:" },
    ...confirmOptions,
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder clean --store=qemu:/var/cache/obuilder", ""],
    ["obuilder clean --all --dry-run ...", "what there is"],
  ],

  async run(args, { services, io, location }) {
    await using store = await services.openStore({ location });
    // The store counts whole seconds: a layer that was used in the current one is not yet before now.
    const before = new Date(Date.now() + 1_000);
    const tagged = args["all"] === true;
    const kept = new Set(tagged ? [] : store.tags().map(({ id }) => id));
    const would = previewPrune(store.list(), { before, kept });
    if (args["dry-run"] === true) {
      io.stdout.write(would.map((id) => `Would remove ${id}\n`).join(""));
      io.stdout.write(`Would remove ${layerCount(would.length)}\n`);
      return;
    }
    const asks = args["force"] !== true && isAsked(io);
    const confirmed = !asks || (await confirmRemoval(would, store, io));
    const gone = await store.prune({
      before,
      tagged,
      // What was not shown is not deleted.
      only: asks ? new Set(confirmed ? would : []) : undefined,
      signal: io.signal,
      onDelete: (layer) => void io.stdout.write(`Removing ${layer}\n`),
    });
    await services.pruneSnapshots({ location });
    io.stdout.write(`Removed ${layerCount(gone.length)}\n`);
  },
};
