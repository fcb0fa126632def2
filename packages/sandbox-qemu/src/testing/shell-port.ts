import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import type { RootShellPort } from "@ob/qemu";

export interface ShellPort extends RootShellPort {
  readonly kill: () => void;
}

/** A shell of this host in place of one on a port of a machine, until the stack is disposed of. */
export function shellPort(program: string, stack: AsyncDisposableStack): ShellPort {
  // Node's "pipe" is a pair of sockets, as QEMU's ends of the ports are.
  const child = spawn("/bin/sh", ["-c", `exec 0<&3 1>&3 2>&4 3>&- 4>&-; ${program}`], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  stack.defer(kill);
  const end = (descriptor: number): Duplex => {
    const stream = child.stdio[descriptor];
    if (!(stream instanceof Duplex)) throw new TypeError("it is not a socket");
    return stream.on("error", () => undefined);
  };
  return { shell: end(3), errors: end(4), kill };
}
