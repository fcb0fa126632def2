import { type GuestUser, ObError } from "@ob/core";
import { layerArgument, resolveLayer } from "../args/layer-ref.ts";
import { openLocalTerminal } from "../terminal/local-terminal.ts";
import { enumOption, storeOptions, stringOption, stringOptions } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import type { Command } from "./command.ts";

const networks = ["none", "host"] as const;

export const shell: Command = {
  description:
    "Opens a shell in an ephemeral VM on a layer, or runs COMMAND there; the layer never changes. A layer does not record " +
    "the user, directory and environment of its step: the shell is that of the image's login user, or of --user. The " +
    "exit code is the shell's or the command's.",
  positionals: [layerArgument],
  rest: { name: "COMMAND", describe: "A program and its arguments, passed as they are" },
  options: {
    ...storeOptions,
    user: { kind: "value", value: "USER", describe: "A name, or UID:GID", group: "Guest:" },
    network: {
      kind: "value",
      value: "NAME",
      describe: "none, or host: gives the guest the host's network (default none)",
      group: "Guest:",
      complete: networks,
    },
    ...sandboxOptions,
  },
  examples: [
    ["obuilder shell --store=qemu:/var/cache/obuilder 8a897f21e54d", "a shell"],
    ["obuilder shell ... --user root 8a897f21e54d -- cat /etc/shadow", "one command, as another user"],
    ["obuilder shell ... 8a897f21e54d -- sh -c 'cd /src && make test'", ""],
  ],

  async run(args, { services, io, location, flags, emit }) {
    const user = parseUser(stringOption(args, "user"));
    const network = enumOption(args, "network", networks);
    const id = await resolveLayer(stringOption(args, "ID"), { services, location });
    await using builder = await services.openBuilder({ location, flags, emit });
    await using guest = await builder.openLayer(id, { signal: io.signal, network });
    using local = openLocalTerminal(io);
    const command = stringOptions(args, "COMMAND");
    return await guest.execInteractive({ command, user, stdio: local.terminal }, io.signal);
  },
};

/** @throws ObError `USAGE` */
export function parseUser(given: string | undefined): GuestUser | undefined {
  if (given === undefined) return undefined;
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(given) ?? [];
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  if (/^[a-z_][a-z0-9_.-]*\$?$/i.test(given)) return { name: given };
  throw new ObError("USAGE", `--user takes a name or UID:GID, not ${JSON.stringify(given)}.`, {
    hint: "For example --user root, or --user 1000:1000.",
  });
}
