import { ObError } from "@ob/core";
import { acceptedButHidden, storeOptions, stringOption, stringOptions } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { parseCount, parseDuration } from "../args/units.ts";
import { confirmOptions } from "../layers/confirm-removal.ts";
import { parseFilters } from "../room/filters.ts";
import type { PruneItem } from "../room/prune-item.ts";
import { pruneStore, removalOptions } from "../room/prune-store.ts";
import { bytesOf, parseSpace } from "../room/space.ts";
import type { Command } from "./command.ts";

const group = "Filters:";
const size = { kind: "value", value: "SIZE", group } as const;

/** What says what is to be removed. */
const ruleNames = [
  ...["older-than", "keep", "limit", "max-used-space", "min-free-space", "reserved-space", "filter"],
] as const;

export const prune: Command = {
  description:
    "Deletes layers, caches and VM snapshots, least recently used first, until what is left is as small as the options say. A " +
    "layer that another is based on stays, and so does what a running build uses, and layers with tags and what they are based " +
    "on. Base images are kept. Without a filter --older-than also removes the records of builds that ended before then. On a terminal " +
    "it shows what it will delete and asks.",
  positionals: [],
  options: {
    ...storeOptions,
    "older-than": {
      kind: "value",
      value: "SPAN",
      describe: "Only what was not used for this long: 12h, 7d, 2w",
      group,
    },
    "max-used-space": {
      ...size,
      describe: "Delete until all takes at most this: 20GB (as 20GiB), or 15% of the disk",
    },
    "min-free-space": { ...size, describe: "Delete until this much of the disk is free" },
    "reserved-space": {
      ...size,
      describe: "Leave this much in any case; alone: delete until this much is left",
    },
    filter: {
      kind: "values",
      value: "KEY=VALUE",
      describe:
        "Only what this matches, also with != or ~=: type (layer, cache, snapshot), id, parents, description, inuse, mutable, " +
        "immutable; until=SPAN. Can be repeated: then all must match",
      group,
    },
    keep: {
      kind: "value",
      value: "N",
      describe: "Keep this many layers in the store; only layers are deleted",
      group,
    },
    limit: {
      kind: "value",
      value: "N",
      describe: "Delete at most this many layers, and nothing else",
      group,
    },
    ...removalOptions,
    ...confirmOptions,
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder prune --store=qemu:/var/cache/obuilder --older-than 7d", "what was not used for a week"],
    ["obuilder prune ... --max-used-space 50GB --reserved-space 10GB", "keep the store small"],
    ["obuilder prune ... --min-free-space 20% --filter type=cache", "make room, of caches only"],
    ["obuilder prune ... --keep 100 --dry-run", "which layers exceed a hundred"],
  ],

  async run(args, session) {
    const { services, location } = session;
    if (ruleNames.every((name) => args[name] === undefined)) {
      throw new ObError(
        "USAGE",
        "`prune` needs --older-than, --keep or --limit, --filter, or one of --max-used-space, --min-free-space and --reserved-space.",
        {
          hint: "For example --older-than 7d. `obuilder clean` deletes all layers.",
        },
      );
    }
    const now = new Date();
    const olderThan = read("older-than", parseDuration);
    const keep = read("keep", (value, flag) => parseCount(value, flag, 0));
    const atMost = read("limit", (value, flag) => parseCount(value, flag, 1));
    const spaces = ["max-used-space", "min-free-space", "reserved-space"].map((name) =>
      read(name, parseSpace),
    );
    const matches = parseFilters(stringOptions(args, "filter"), now);
    const filtered = stringOptions(args, "filter").length > 0;
    const counts = keep !== undefined || atMost !== undefined;
    const spare = keep === undefined ? Infinity : await layersBeyond(keep);
    const disk = spaces.some((space) => space?.kind === "percent")
      ? await services.diskSpace({ location })
      : { free: 0, total: 0 };
    const [maxUsedSpace, minFreeSpace, reservedSpace] = spaces.map((space) => space && bytesOf(space, disk));
    await pruneStore(args, session, {
      rules: {
        // 0s is all, also what a wrong clock has put into the future.
        before: olderThan ? new Date(now.getTime() - olderThan) : undefined,
        limit: Math.min(spare, atMost ?? Infinity),
        ...{ matches, maxUsedSpace, minFreeSpace, reservedSpace },
      },
      // A record takes no space to speak of.
      buildsUntil:
        olderThan === undefined || filtered || counts ? undefined : new Date(now.getTime() - olderThan),
      isCandidate: ({ type }: PruneItem) => !counts || type === "layer",
    });

    async function layersBeyond(count: number): Promise<number> {
      await using store = await services.openStore({ location });
      return Math.max(0, [...store.list()].length - count);
    }

    function read<T>(name: string, parse: (value: string, flag: string) => T): T | undefined {
      const value = stringOption(args, name);
      return value === undefined ? undefined : parse(value, `--${name}`);
    }
  },
};
