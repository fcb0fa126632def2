import { quoteWords } from "../../ssh/quote/posix.ts";
import { framable, type FramableLine } from "../framed.ts";
import type { GuestLine } from "../profile.ts";

/** How the login user of a POSIX guest runs scripts. */
export interface RootAccess {
  /** The command line of a root shell that reads scripts from its standard input. */
  readonly shell: string;
  /** The command line that runs a script as root in `/bin/sh`, with these arguments. */
  line(script: string, args?: readonly string[]): string;
  /** The same, plain and in a frame, for a `GuestCommand`. */
  command(script: string, args?: readonly string[]): FramableLine;
  /** See `GuestProfile.runScript`. */
  readonly runScript: (script: string, options: { readonly asRoot: boolean }) => GuestLine;
}

/** The command line that runs a script as the login user in `/bin/sh`, with these arguments. */
export function runLine(script: string, args: readonly string[]): GuestLine {
  return framable((text) => `exec ${quoteWords(["/bin/sh", "-c", text, "obuilder", ...args])}`, script);
}

/**
 * @param rootPrefix the program and first arguments that run a command as root without a password, such as
 *   `["sudo", "-n", "--"]`. Not used where the login user is root.
 */
export function rootAccess(loginUser: string, rootPrefix: readonly string[]): RootAccess {
  const prefix = loginUser === "root" ? [] : rootPrefix;
  const line = (script: string, args: readonly string[] = []): string =>
    `exec ${quoteWords([...prefix, "/bin/sh", "-c", script, "obuilder", ...args])}`;
  return {
    shell: `exec ${quoteWords([...prefix, "/bin/sh"])}`,
    line,
    command: (script, args) => framable((text) => line(text, args), script),
    runScript: (script, { asRoot }) =>
      framable((text) => `exec ${quoteWords([...(asRoot ? prefix : []), "/bin/sh", "-c", text])}`, script),
  };
}
