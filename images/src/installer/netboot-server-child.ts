// A program: serves a directory on 127.0.0.1, port 80, while another program runs, and exits with it. See
// netboot-server.ts. Arguments: "own" in a network namespace of its own, otherwise "host"; the directory; the program
// with its arguments.
import { spawn, spawnSync } from "node:child_process";
import { fstatSync } from "node:fs";
import { argv, stderr } from "node:process";
import { consoleFd, qmpFd } from "@ob/qemu";
import { serveFiles } from "./http-server.ts";

const [, , network, root = "", program = "", ...args] = argv;

try {
  if (network === "own") {
    const { status } = spawnSync("ip", ["link", "set", "lo", "up"], { stdio: "inherit" });
    if (status !== 0) throw new Error("ip cannot bring the loopback interface up");
  }
  await using _ = await serveFiles({
    ...{ root, host: "127.0.0.1", port: 80 },
    onRequest: (path, status) => stderr.write(`served ${status} ${path}\n`),
  });
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", program, ...args], {
    stdio: ["ignore", "ignore", "inherit", ...[qmpFd, consoleFd].map((fd) => (isSocket(fd) ? fd : "ignore"))],
  });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
} catch (error) {
  stderr.write(`obuilder: cannot serve the installer's files: ${String(error)}\n`);
  if (network === "host") {
    stderr.write("obuilder: without user namespaces that takes root, and port 80 of 127.0.0.1 to be free\n");
  }
  process.exitCode = 1;
}

/** True for the other end of QEMU's monitor and console, if the program is QEMU. */
function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}
