import type { FileChange, LayerTree } from "@ob/builder";
import { type LayerId, ObError } from "@ob/core";
import { findLayer, layerArgument } from "../args/layer-ref.ts";
import { storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { noSuchLayer } from "../layers/no-such-layer.ts";
import { jsonDocument, printableLine } from "../output/printable.ts";
import type { Command } from "./command.ts";

const letters: Readonly<Record<FileChange["kind"], string>> = { added: "A", changed: "C", deleted: "D" };

export const diff: Command = {
  description:
    "Shows which files differ between two layers, as `docker diff` does: A, added in the second; C, changed; D, deleted. Without a " +
    "second layer, what the step of the layer has changed. Modes, owners, links, extended attributes and contents count, times do " +
    "not. Both layers are read in an ephemeral VM, whose boot writes some files itself, such as logs; --path leaves them out.",
  positionals: [
    layerArgument,
    {
      name: "OTHER",
      describe: "The layer to compare with; by default ID with what it is based on",
      complete: "layer",
    },
  ],
  options: {
    ...storeOptions,
    path: {
      kind: "value",
      value: "PATH",
      describe: "Only the files below this directory (default /)",
      group: "Filters:",
    },
    json: {
      kind: "flag",
      describe: 'One object: {"from", "to", "changes": [{"kind", "path"}]}',
      group: "Output:",
    },
    ...sandboxOptions,
  },
  examples: [
    ["obuilder diff --store=qemu:/var/cache/obuilder 8a897f21e54d", "what a step has changed"],
    ["obuilder diff ... --path /opt tools:1.1 tools:1.2", "between two layers, below /opt"],
  ],

  async run(args, session) {
    const { services, io, location, flags, emit } = session;
    const { checkSourcePath, compareTrees, readLayerTree } = await import("@ob/builder");
    const path = checkSourcePath(stringOption(args, "path") ?? "/");
    const { from, to } = await layersOf(stringOption(args, "ID"), stringOption(args, "OTHER"), session);
    const { signal } = io;
    await using builder = await services.openBuilder({ location, flags, emit });
    const read = async (id: LayerId): Promise<LayerTree> => {
      await using guest = await builder.openLayer(id, { signal });
      return await readLayerTree(guest, path, { signal });
    };
    const trees = { before: await read(from), after: await read(to) };
    const { toBytes } = await import("@ob/spec");
    const changes = compareTrees(trees.before, trees.after).map(({ kind, path: changed }) => ({
      kind,
      path: Buffer.from(toBytes(changed)).toString(),
    }));
    if (args["json"] === true) io.stdout.write(jsonDocument({ from, to, changes }));
    else
      io.stdout.write(changes.map((each) => `${letters[each.kind]} ${printableLine(each.path)}\n`).join(""));
  },
};

/** The layers to compare. @throws ObError `USAGE` if there is one, and it is a base layer. */
async function layersOf(
  given: string | undefined,
  other: string | undefined,
  { services, location }: Parameters<Command["run"]>[1],
): Promise<{ readonly from: LayerId; readonly to: LayerId }> {
  await using store = await services.openStore({ location });
  const first = findLayer(store, given);
  if (other !== undefined) return { from: first, to: findLayer(store, other) };
  const record = [...store.list()].find(({ id }) => id === first);
  if (!record) throw noSuchLayer(first);
  if (record.parent !== undefined) return { from: record.parent, to: first };
  throw new ObError("USAGE", `Layer ${first} is a base layer: it is based on no other.`, {
    hint: "Give a second layer to compare it with.",
  });
}
