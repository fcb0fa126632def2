import type { GuestCommand, LoginCheck } from "../profile.ts";
import type { RootAccess } from "./root.ts";
import * as scripts from "./scripts.generated.ts";

/** Added to the time of a step, in milliseconds: on a busy host the guest's clock is late, until it is set again. */
const clockTolerance = 60_000;

/** A minute in milliseconds. */
const minute = 60_000;

/**
 * @param command makes a command of a script and its arguments, to be run as root. The default is that of `root`.
 */
export function loginCheck(
  loginUser: string,
  root: RootAccess,
  command: (
    script: string,
    args: readonly string[],
  ) => Pick<GuestCommand, "command" | "framed" | "script"> = (script, args) => root.command(script, args),
): LoginCheck {
  return {
    changes: (milliseconds) => {
      const minutes = Math.ceil((milliseconds + clockTolerance) / minute);
      return {
        phase: "flush",
        purpose: "look for changes of its login",
        ...command(scripts.checkLogin, [loginUser, String(minutes)]),
        failure: "GUEST_LOST",
      };
    },
    server: root.command(scripts.serveLogin, [loginUser]).framed,
  };
}

/** What makes a login impossible, in the output of `LoginCheck.changes`. */
export function problemIn(printed: string): string | undefined {
  return /^problem: (.*)$/m.exec(printed)?.[1];
}
