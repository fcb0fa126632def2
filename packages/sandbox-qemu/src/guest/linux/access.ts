import { quoteWords } from "../../ssh/quote/posix.ts";
import { type RootAccess, rootAccess } from "../posix/root.ts";
import type { GuestCommand } from "../profile.ts";

/** Makes a command that runs in the persistent root shell, or else in a root shell of its own. */
export type AsRootCommand = (
  script: string,
  args?: readonly string[],
) => Pick<GuestCommand, "command" | "framed" | "script">;

/** How the login user of a Linux guest runs commands as root. */
export interface LinuxAccess {
  readonly loginUser: string;
  readonly root: RootAccess;
  readonly asRootCommand: AsRootCommand;
}

export function linuxAccess(loginUser: string): LinuxAccess {
  const root = rootAccess(loginUser, ["sudo", "-n", "--"]);
  return {
    loginUser,
    root,
    asRootCommand: (script, args = []) => ({
      ...root.command(script, args),
      script: `set -- ${quoteWords(args)}\n${script}`,
    }),
  };
}
