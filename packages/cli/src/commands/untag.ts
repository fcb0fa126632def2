import { didYouMean, ObError, parseTagName, quotedName } from "@ob/core";
import { acceptedButHidden, storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import type { Command } from "./command.ts";

export const untag: Command = {
  description: "Removes a name of a layer. The layer stays.",
  positionals: [{ name: "NAME", describe: "The tag", complete: "tag" }],
  options: { ...storeOptions, ...acceptedButHidden(sandboxOptions) },
  examples: [["obuilder untag --store=qemu:/var/cache/obuilder tools:1.2", ""]],

  async run(args, { services, location }) {
    const given = stringOption(args, "NAME");
    if (given === undefined)
      throw new ObError("USAGE", "No tag is given.", { hint: "`obuilder ls` shows them." });
    const name = parseTagName(given);
    await using store = await services.openStore({ location });
    if (await store.untag(name)) return;
    const names = store.tags().map((each) => each.name);
    throw new ObError("NO_SUCH_LAYER", `No layer in the store has the tag ${quotedName(name)}.`, {
      hint: didYouMean(name, names) ?? "`obuilder ls` shows the tags.",
    });
  },
};
