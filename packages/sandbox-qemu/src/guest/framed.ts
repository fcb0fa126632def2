import { type Frame, inFrame, inputStart } from "../ssh/frame.ts";
import { cygwinCommand } from "../ssh/quote/cygwin.ts";
import type { GuestLine } from "./profile.ts";

/** A script's line for the login shell, plain and in a frame. It must run in a Bourne shell. */
export function framable(line: (script: string) => string, script: string): GuestLine {
  return {
    command: line(script),
    framed: (frame: Frame) => ({
      command: line(inFrame(script, frame)),
      inputStart: frame.marksInput === true ? inputStart(frame.mark) : "",
    }),
  };
}

/**
 * For Cygwin's bash as the login shell, which runs the script itself: its start-up files have set what it does at each
 * command and at its end. The input has no mark, since what Cygwin's programs read of it may be damaged.
 */
export function framedForCygwin(script: string): GuestLine {
  const quiet = "{ set +xv; trap - DEBUG ERR EXIT; } 2>/dev/null";
  return {
    command: cygwinCommand(script),
    framed: (frame) => ({
      command: cygwinCommand(`${quiet}\n${inFrame(script, { ...frame, marksInput: false })}`),
      inputStart: "",
    }),
  };
}
