import { connect } from "node:net";

/*
 * A process that writes to a socket without end, as QEMU would for a hostile guest. Arguments: the path of the socket, and what it writes:
 * events of the monitor, or lines or one endless line of the console.
 */

const [socketPath = "", kind = ""] = process.argv.slice(2);

const event = `${JSON.stringify({
  event: "RTC_CHANGE",
  data: { offset: 1, "qom-path": "/machine" },
  timestamp: { seconds: 1, microseconds: 2 },
})}\r\n`;
const pieces: Readonly<Record<string, string>> = {
  "events of the monitor": event.repeat(500),
  "lines of a console": "[ 1.0] Kernel pan\r\n\u001b[1m".repeat(2_000),
  "one line of a console": "\u001b[Kernel pan".repeat(4_000),
};
const piece = pieces[kind] ?? "";

const socket = connect(socketPath, () => {
  const fill = (): void => {
    while (socket.write(piece));
  };
  socket.on("drain", fill);
  fill();
});
socket.on("error", () => process.exit()).on("close", () => process.exit());
