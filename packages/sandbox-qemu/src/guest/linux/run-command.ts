import type { RunTask } from "@ob/core";
import { environmentArgs } from "../posix/env-args.ts";
import { runLine } from "../posix/root.ts";
import { userArgs } from "../posix/user-args.ts";
import type { GuestLine } from "../profile.ts";
import type { LinuxAccess } from "./access.ts";
import { commandPath, commandTooLong, fitsInArgument, needsFile } from "./long-command.ts";
import * as scripts from "./scripts.generated.ts";

/** The command line of a step's command. @throws ObError `UNSUPPORTED` if the rest of it is too long as well. */
export function runCommand(task: RunTask, access: LinuxAccess): GuestLine {
  const line = isLong(task, access) ? lineOf(task, access, "file") : shortLine(task, access);
  if (!fitsInArgument(line.command)) throw commandTooLong();
  return line;
}

/** True if the command has to be put in a file first. */
export function isLong(task: RunTask, access: LinuxAccess): boolean {
  return needsFile(task, shortLine(task, access).command);
}

function shortLine(task: RunTask, access: LinuxAccess): GuestLine {
  return lineOf(task, access, task.shell.length === 0 ? "login" : "exec");
}

function lineOf(
  { user, command, workdir, environment, shell }: RunTask,
  { loginUser, root }: LinuxAccess,
  mode: "login" | "exec" | "file",
): GuestLine {
  const words = [mode, mode === "file" ? commandPath : command, workdir];
  const rest = [...environmentArgs(environment), ...shell];
  return user === undefined
    ? runLine(scripts.runAsLoginUser, [...words, ...rest])
    : root.command(scripts.runAsUser, [...userArgs(user, loginUser), ...words, ...rest]);
}
