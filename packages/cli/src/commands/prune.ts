import { ObError } from "@ob/core";
import { layerCount } from "../args/layer-ref.ts";
import { acceptedButHidden, storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { previewPrune } from "../args/prune-dry-run.ts";
import { parseCount, parseDuration } from "../args/units.ts";
import { confirmOptions, confirmRemoval, isAsked } from "../layers/confirm-removal.ts";
import type { Command } from "./command.ts";

const group = "Filters:";

export const prune: Command = {
  description:
    "Deletes layers that no other layer is based on, least recently used first. Layers that a running build uses, those with " +
    "tags and what they are based on, base images and caches are kept. On a terminal it shows the layers and asks.",
  positionals: [],
  options: {
    ...storeOptions,
    "older-than": {
      kind: "value",
      value: "SPAN",
      describe: "Only layers not used for this long: 12h, 7d, 2w",
      group,
    },
    keep: { kind: "value", value: "N", describe: "Keep this many layers in the store", group },
    limit: { kind: "value", value: "N", describe: "Delete at most this many layers", group },
    "dry-run": { kind: "flag", describe: "Only print which layers would be deleted", group },
    ...confirmOptions,
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder prune --store=qemu:/var/cache/obuilder --older-than 7d", "layers not used for a week"],
    ["obuilder prune ... --keep 100 --dry-run", "which layers exceed a hundred"],
  ],

  async run(args, { services, io, location }) {
    const olderThan = read("older-than", parseDuration);
    const keep = read("keep", (value, flag) => parseCount(value, flag, 0));
    const atMost = read("limit", (value, flag) => parseCount(value, flag, 1));
    if (olderThan === undefined && keep === undefined && atMost === undefined) {
      throw new ObError("USAGE", "`prune` needs --older-than, --keep or --limit.", {
        hint: "For example --older-than 7d. `obuilder clean` deletes all layers.",
      });
    }

    await using store = await services.openStore({ location });
    // The store counts whole seconds: a layer that was used in the current one is not yet before now.
    const before = new Date(Date.now() - (olderThan ?? -1_000));
    const spare = keep === undefined ? undefined : Math.max(0, [...store.list()].length - keep);
    const limit = Math.min(spare ?? Number.MAX_SAFE_INTEGER, atMost ?? Number.MAX_SAFE_INTEGER);
    const kept = new Set(store.tags().map(({ id }) => id));
    const would = previewPrune(store.list(), { before, limit, kept });
    if (args["dry-run"] === true) {
      io.stdout.write(would.map((id) => `Would remove ${id}\n`).join(""));
      io.stdout.write(`Would remove ${layerCount(would.length)}\n`);
      return;
    }
    const asks = args["force"] !== true && isAsked(io);
    const confirmed = !asks || (await confirmRemoval(would, store, io));
    const gone = await store.prune({
      before,
      limit,
      // What was not shown is not deleted.
      only: asks ? new Set(confirmed ? would : []) : undefined,
      signal: io.signal,
      onDelete: (layer) => void io.stdout.write(`Removing ${layer}\n`),
    });
    await services.pruneSnapshots({ location });
    io.stdout.write(`Removed ${layerCount(gone.length)}\n`);

    function read<T>(name: string, parse: (value: string, flag: string) => T): T | undefined {
      const value = stringOption(args, name);
      return value === undefined ? undefined : parse(value, `--${name}`);
    }
  },
};
