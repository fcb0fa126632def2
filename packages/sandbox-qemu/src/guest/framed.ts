import { type Frame, inFrame, inputStart } from "../ssh/frame.ts";
import { cygwinCommand } from "../ssh/quote/cygwin.ts";
import type { GuestLine } from "./profile.ts";

/** A command line that has a framed form. */
export type FramableLine = GuestLine & { readonly framed: NonNullable<GuestLine["framed"]> };

/**
 * A script's command line for the login shell, plain and in a frame.
 *
 * @param line makes the command line that runs a script in a Bourne shell.
 */
export function framable(line: (script: string) => string, script: string): FramableLine {
  return {
    command: line(script),
    framed: (frame: Frame) => ({
      command: line(inFrame(script, frame)),
      inputStart: frame.marksInput === true ? inputStart(frame.mark) : "",
    }),
  };
}

/**
 * The same for Cygwin's bash as the login shell, which runs the script itself: the frame first removes the options and traps
 * that its start-up files have set. The input has no mark, since Cygwin's programs can read damaged input.
 */
export function framedForCygwin(script: string): FramableLine {
  const quiet = "{ set +exuvC; trap - DEBUG ERR EXIT; } 2>/dev/null";
  return {
    command: cygwinCommand(script),
    framed: (frame) => ({
      command: cygwinCommand(`${quiet}\n${inFrame(script, { ...frame, marksInput: false })}`),
      inputStart: "",
    }),
  };
}
