import { once } from "node:events";
import { findLayer } from "../args/layer-ref.ts";
import { acceptedButHidden, storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import type { Command } from "./command.ts";

export const log: Command = {
  description:
    "Prints what a step printed when it was made, with its bytes untouched. Of a layer in the making it follows the log " +
    "to its end. The log of a step that failed is kept for some days: give its whole id.",
  positionals: [{ name: "ID", describe: "The layer's id, or so many digits of it that no other begins so" }],
  options: { ...storeOptions, ...acceptedButHidden(sandboxOptions) },
  examples: [
    ["obuilder log --store=qemu:/var/cache/obuilder 8a897f21e54d", ""],
    ["obuilder log ... $(obuilder plan --json ... | tail -n1 | jq -r .id)", "of a spec's last step"],
  ],

  async run(args, { services, io, location }) {
    await using store = await services.openStore({ location });
    const id = findLayer(store, stringOption(args, "ID"));
    for await (const bytes of store.readLog(id, io.signal)) {
      if (!io.stdout.write(bytes)) await once(io.stdout, "drain", { signal: io.signal });
    }
  },
};
