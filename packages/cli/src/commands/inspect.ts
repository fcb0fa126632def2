import { isObError, type LayerId, type Store, TailText } from "@ob/core";
import { findLayer, layerArgument } from "../args/layer-ref.ts";
import { acceptedButHidden, storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { chainOf, layerBytes, layerFields, viewLayers } from "../layers/layer-view.ts";
import { noSuchLayer } from "../layers/no-such-layer.ts";
import { jsonDocument } from "../output/printable.ts";
import type { Command } from "./command.ts";

/** How much of the end of a log is shown. */
const logLines = 20;

export const inspect: Command = {
  description:
    "Prints all that the store knows of a layer as JSON: its step and what went into its id, the layers below it, sizes, times, its " +
    "guest and the end of its log.",
  positionals: [layerArgument],
  options: {
    ...storeOptions,
    json: { kind: "flag", describe: "The same: the output is JSON always", group: "Output:" },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder inspect --store=qemu:/var/cache/obuilder tools | jq .inputs", "what went into the id"],
  ],

  async run(args, { services, io, location }) {
    await using store = await services.openStore({ location });
    const id = findLayer(store, stringOption(args, "ID"));
    const [layer, ...below] = chainOf(viewLayers(store), id);
    const files = await store.find(id);
    if (!layer || !files) throw noSuchLayer(id);
    const base = below.at(-1)?.id ?? id;
    const chain: { readonly id: LayerId; readonly heading: string | null; readonly bytes: number }[] = [];
    for (const each of below) {
      const bytes = await layerBytes(store, each.id);
      chain.push({ id: each.id, heading: each.step?.heading ?? null, bytes });
    }
    const { manifest, environment } = await store.baseInfo(base);
    io.stdout.write(
      jsonDocument({
        ...layerFields(layer, await layerBytes(store, id)),
        sharedBytes: chain.reduce((sum, { bytes }) => sum + bytes, 0),
        inputs: layer.step?.inputs ?? null,
        chain,
        guest: manifest ? { os: manifest.guestOs, arch: manifest.guestArch } : null,
        imageEnvironment: Object.fromEntries(environment),
        directory: files.directory,
        disk: files.disk,
        log: await endOfLog(store, id, io.signal),
      }),
    );
  },
};

/** The last lines of a layer's log; null if it has none. */
async function endOfLog(store: Store, id: LayerId, signal: AbortSignal): Promise<string | null> {
  const tail = new TailText(8_192);
  const decoder = new TextDecoder();
  try {
    for await (const bytes of store.readLog(id, signal)) tail.add(decoder.decode(bytes, { stream: true }));
  } catch (error) {
    if (isObError(error, "NO_SUCH_LAYER")) return null;
    throw error;
  }
  return tail.text.trimEnd().split("\n").slice(-logLines).join("\n");
}
