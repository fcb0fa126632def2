import { once } from "node:events";
import { cacheFromOptions } from "../args/cache-options.ts";
import { findLog } from "../args/layer-ref.ts";
import { acceptedButHidden, storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { pacedTerminal } from "../output/open-paced-terminal.ts";
import { createTerminalFilter } from "../output/terminal-filter.ts";
import { openSharedStore } from "../sharing/open-shared-store.ts";
import type { Command } from "./command.ts";

export const log: Command = {
  description:
    "Prints the output of a layer's step: byte by byte, but on a terminal without what could control it. If the step is running, the log is followed to its end. The log of " +
    "a failed step is kept for some days.",
  positionals: [
    {
      name: "ID",
      describe: "The layer: a tag, its id, or a prefix that no other layer or failed step has",
      complete: "layer",
    },
  ],
  options: { ...storeOptions, ...cacheFromOptions, ...acceptedButHidden(sandboxOptions) },
  examples: [
    ["obuilder log --store=qemu:/var/cache/obuilder 8a897f21e54d", ""],
    ["obuilder log ... $(obuilder plan --json ... | tail -n1 | jq -r .id)", "the last step of a spec"],
  ],

  async run(args, session) {
    const { io } = session;
    await using opened = await openSharedStore(args, session);
    const { store } = opened;
    const id = await findLog(store, stringOption(args, "ID"));
    await opened.lookFor(id);
    const terminal = await pacedTerminal(io.stdout);
    const filter = terminal && createTerminalFilter();
    const stdout = terminal ?? io.stdout;
    for await (const bytes of store.readLog(id, io.signal)) {
      const shown = filter?.push(bytes) ?? bytes;
      if (!stdout.write(shown)) await once(stdout, "drain", { signal: io.signal });
    }
    if (filter) stdout.write(filter.end());
    terminal?.flush();
  },
};
