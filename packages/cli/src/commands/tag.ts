import { ObError, parseTagName } from "@ob/core";
import { findLayer, layerArgument } from "../args/layer-ref.ts";
import { acceptedButHidden, storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import type { Command } from "./command.ts";

export const tag: Command = {
  description:
    "Gives a layer a name, which every command takes in place of the id. `prune` and `clean` keep a layer that has a name, " +
    "and what it is based on. A name that another layer has moves.",
  positionals: [
    layerArgument,
    { name: "NAME", describe: "The name, such as tools, team/tools or tools:1.2" },
  ],
  options: { ...storeOptions, ...acceptedButHidden(sandboxOptions) },
  examples: [
    ["obuilder tag --store=qemu:/var/cache/obuilder 8a897f21e54d tools:1.2", ""],
    ["obuilder tag ... tools:1.2 tools", "a second name; specs start from it by (from obuilder:tools)"],
  ],

  async run(args, { services, io, location, emit }) {
    const given = stringOption(args, "NAME");
    if (given === undefined)
      throw new ObError("USAGE", "No name is given.", { hint: "`tag` takes ID and NAME." });
    const name = parseTagName(given);
    await using store = await services.openStore({ location });
    const id = findLayer(store, stringOption(args, "ID"));
    const old = store.tags().find((each) => each.name === name);
    await store.tag(id, [name], io.signal);
    if (old && old.id !== id) emit({ type: "log", level: "info", text: `${name} was the tag of ${old.id}.` });
  },
};
