import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export interface FakeQemu extends AsyncDisposable {
  /** A PATH on which the fake is found first. */
  readonly path: string;
}

/**
 * A program in place of QEMU. Its behaviour is the body of a JavaScript module, which can use `fs`, `net`, `argv`, and
 * `speakQmp`, a QMP server on descriptor 3.
 */
export async function fakeQemu(body: string, name = "qemu-system-x86_64"): Promise<FakeQemu> {
  const directory = await mkdtemp(join(tmpdir(), "fake-qemu-"));
  const file = join(directory, name);
  await writeFile(file, `#!${process.execPath}\n${prelude}\n${body}\n`);
  await chmod(file, 0o755);
  return {
    path: `${directory}${delimiter}${process.env["PATH"] ?? ""}`,
    [Symbol.asyncDispose]: async () => await rm(directory, { recursive: true, force: true }),
  };
}

/** Answers as QEMU does; `on` overrides the answers to some commands. */
const prelude = String.raw`
const fs = require("node:fs"), net = require("node:net"), argv = process.argv.slice(2);
function speakQmp({ port = 1, on = {} } = {}) {
  const socket = new net.Socket({ fd: 3, readable: true, writable: true });
  const say = (message) => socket.write(JSON.stringify(message) + "\n");
  const usernet = "Hub -1 (net0):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n" +
    "  TCP[HOST_FORWARD]  11       127.0.0.1 " + port + "       10.0.2.15    22     0     0\r\n";
  const answers = {
    "human-monitor-command": () => usernet,
    quit: () => { setTimeout(() => process.exit(0), 10); return {}; },
    ...on,
  };
  say({ QMP: { version: { qemu: { major: 7, minor: 2, micro: 0 } }, capabilities: [] } });
  let text = "";
  socket.on("data", (bytes) => {
    text += bytes;
    for (let end; (end = text.indexOf("\n")) >= 0; text = text.slice(end + 1)) {
      const { execute, id, arguments: args } = JSON.parse(text.slice(0, end));
      say({ return: answers[execute]?.(say, args) ?? {}, id });
    }
  });
  return say;
}
const toConsole = (text) => fs.writeSync(4, text);
`;
