import { consoleFd, qmpFd } from "../process/qemu-process.ts";
import { escapeOptionValue } from "./escape.ts";

/**
 * Options that connect QMP and the first serial port to this process, for the argv of `QemuInstance.spawn`. Both are
 * connected sockets that QEMU inherits: no other process can open them, and no files have to be cleaned up.
 *
 * @param consoleLog absolute path of the file in which QEMU also logs the console; it is appended to. `SpawnOptions.consoleLog`
 * bounds it.
 */
export function monitorArgs(consoleLog: string): readonly string[] {
  return [
    ...["-chardev", `socket,id=qmp,fd=${qmpFd}`],
    ...["-mon", "chardev=qmp,mode=control"],
    ...[
      "-chardev",
      `socket,id=console,fd=${consoleFd},logfile=${escapeOptionValue(consoleLog)},logappend=on`,
    ],
    ...["-serial", "chardev:console"],
  ];
}
