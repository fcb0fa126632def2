import { acceptedButHidden, storeOptions } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { formatAge, formatSize } from "../args/units.ts";
import { layerFields } from "../layers/layer-view.ts";
import { storeUsage, type StoreUsage } from "../layers/store-usage.ts";
import { fitTable } from "../output/fit-table.ts";
import { formatTable } from "../output/format-table.ts";
import { stepText } from "../layers/step-text.ts";
import { jsonDocument } from "../output/printable.ts";
import type { Command } from "./command.ts";

export const du: Command = {
  description:
    "Shows the space that the parts of the store take on the host's disk, and how much of it `prune` could free at most. With --verbose " +
    "also that of each layer, cache and VM snapshot: OWN are a layer's own files, SHARED those of the layers that it is based on.",
  positionals: [],
  options: {
    ...storeOptions,
    json: { kind: "flag", describe: "One object, with each layer, cache and VM snapshot", group: "Output:" },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder du --store=qemu:/var/cache/obuilder", ""],
    ["obuilder du -v ...", "each layer, cache and VM snapshot, too"],
  ],

  async run(args, { services, io, location, verbosity }) {
    await using store = await services.openStore({ location });
    await using caches = await services.openCaches({ location });
    const usage = await storeUsage(location.directory, { store, caches });
    if (args["json"] === true) {
      io.stdout.write(jsonDocument(json(usage)));
      return;
    }
    const rows = usage.parts.map(({ kind, count, bytes, reclaimable }) => [
      kind,
      kind === "other" ? "" : String(count),
      formatSize(bytes),
      formatSize(reclaimable),
    ]);
    io.stdout.write(formatTable(["TYPE", "COUNT", "SIZE", "RECLAIMABLE"], { rows }));
    io.stdout.write(`Total: ${formatSize(usage.bytes)}\n`);
    if (verbosity === "info" || verbosity === "debug") {
      io.stdout.write(details(usage, { now: Date.now(), columns: io.stdout.columns ?? 80 }));
    }
  },
};

function json({ bytes, parts, layers, caches, snapshots }: StoreUsage) {
  return {
    bytes,
    parts,
    layers: layers.map(({ layer, sharedBytes, ...own }) => ({
      ...layerFields(layer, own.bytes),
      sharedBytes,
    })),
    caches: caches.map(({ name, bytes: size, lastUsed }) => ({
      name,
      bytes: size,
      lastUsed: lastUsed.toISOString(),
    })),
    snapshots,
  };
}

/** The largest first. */
function details(
  { layers, caches, snapshots }: StoreUsage,
  { now, columns }: { readonly now: number; readonly columns: number },
): string {
  const layerRows = layers
    .toSorted((a, b) => b.bytes - a.bytes)
    .map(({ layer: { id, lastUsed, tags, step }, bytes, sharedBytes }) => [
      id.slice(0, 12),
      formatSize(bytes),
      formatSize(sharedBytes),
      formatAge(now - lastUsed.getTime()),
      tags.join(",") || stepText(step?.heading, { whole: false }),
    ]);
  const others = [
    ...caches.map(({ name, bytes, lastUsed }) => [
      "cache",
      formatSize(bytes),
      formatAge(now - lastUsed.getTime()),
      name,
    ]),
    ...snapshots.map(({ name, bytes }) => ["snapshot", formatSize(bytes), "", name.slice(0, 12)]),
  ];
  const tables = [
    fitTable(["LAYER", "OWN", "SHARED", "USED", "TAGS OR STEP"], { rows: layerRows, left: [0], columns }),
    fitTable(["TYPE", "SIZE", "USED", "NAME"], { rows: others, left: [0], columns }),
  ];
  return tables
    .filter((table) => table !== "")
    .map((table) => `\n${table}`)
    .join("");
}
