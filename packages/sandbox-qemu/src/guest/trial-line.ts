import type { GuestOs } from "@ob/core";
import { quoteWords } from "../ssh/quote.ts";
import { cygwinCommand } from "../ssh/quote-cygwin.ts";

export interface TrialLineOptions {
  readonly script: string;
  /** As the superuser, which on Windows the login user is. */
  readonly asRoot: boolean;
  readonly loginUser: string;
}

/** The line for the login shell that has the guest's Bourne shell run a script. */
export function trialLine(os: GuestOs, { script, asRoot, loginUser }: TrialLineOptions): string {
  const shell = ["/bin/sh", "-c", script];
  const direct = !asRoot || loginUser === "root";
  switch (os) {
    case "linux":
      return `exec ${quoteWords(direct ? shell : ["sudo", "-n", "--", ...shell])}`;
    case "openbsd":
      return `exec ${quoteWords(direct ? shell : ["/usr/bin/doas", "-n", "--", ...shell])}`;
    case "windows":
      return cygwinCommand(script);
  }
}
