import { acceptedButHidden, storeOptions } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { confirmOptions } from "../layers/confirm-removal.ts";
import { pruneStore, removalOptions } from "../room/prune-store.ts";
import type { Command } from "./command.ts";

export const clean: Command = {
  description:
    "Deletes all layers of the store, except those that a running build uses, and those with tags and what they are based on. " +
    "Base images and caches are kept. On a terminal it shows the layers and asks.",
  positionals: [],
  options: {
    ...storeOptions,
    all: { kind: "flag", short: "a", describe: "Also layers with tags", group: "Filters:" },
    ...removalOptions,
    ...confirmOptions,
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder clean --store=qemu:/var/cache/obuilder", ""],
    ["obuilder clean --all --dry-run ...", "what there is"],
  ],

  async run(args, session) {
    await pruneStore(args, session, {
      rules: { tagged: args["all"] === true },
      isCandidate: ({ type }) => type === "layer",
    });
  },
};
