import type { GuestOs } from "@ob/core";
import { quoteWords } from "../ssh/quote/posix.ts";
import { framable, type Framable, framedForCygwin } from "./framed.ts";

export interface ShellCommandLineOptions {
  readonly script: string;
  /** As the superuser, which on Windows the login user is. */
  readonly asRoot: boolean;
  readonly loginUser: string;
}

/** The line for the login shell that has the guest's Bourne shell run a script. */
export function shellCommandLine(
  os: GuestOs,
  { script, asRoot, loginUser }: ShellCommandLineOptions,
): Framable {
  const direct = !asRoot || loginUser === "root";
  const line =
    (superuser: readonly string[]) =>
    (text: string): string =>
      `exec ${quoteWords([...(direct ? [] : superuser), "/bin/sh", "-c", text])}`;
  switch (os) {
    case "linux":
      return framable(line(["sudo", "-n", "--"]), script);
    case "openbsd":
      return framable(line(["/usr/bin/doas", "-n", "--"]), script);
    case "windows":
      return framedForCygwin(script);
  }
}
