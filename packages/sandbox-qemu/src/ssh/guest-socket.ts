import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { turnTime } from "./turn-time.ts";

export interface GuestSocketOptions {
  /** Something that was sent already: the first thing that is written must be it, and is dropped. By default nothing. */
  readonly wasSent?: string | undefined;
}

/** How much is read at once, in bytes: a thousand packets fit into what Node.js reads of a socket. */
const pieceBytes = 8_192;

/**
 * A guest's connection for ssh2, in short turns of the event loop. ssh2 deals at once with all that has arrived, and a guest can
 * send two mebibytes of packets that are a few bytes long each and want an answer: that took 15 s, without a turn for timers,
 * signals and other guests.
 *
 * @param socket is closed with the result, and is not to be used otherwise.
 */
export function guestSocket(socket: Duplex, { wasSent }: GuestSocketOptions = {}): Duplex {
  let toDrop = wasSent;
  let [wanted, turnEnd] = [false, Infinity];
  const stream = new Duplex({
    read() {
      wanted = true;
      setImmediate(advance);
    },
    write(bytes: Uint8Array, _encoding, done) {
      const dropped = toDrop;
      toDrop = undefined;
      if (dropped !== undefined) {
        const isIt = Buffer.from(bytes).toString("latin1") === dropped;
        return done(isIt ? undefined : new TypeError("ssh2 does not begin with its name"));
      }
      if (socket.write(bytes)) return done();
      socket.once("drain", done);
    },
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  const advance = (): void => {
    if (!wanted || turnEnd !== Infinity) return;
    turnEnd = performance.now() + turnTime;
    // The answers of a turn are sent together.
    socket.cork();
    while (wanted && performance.now() < turnEnd) {
      const piece: unknown = socket.read(Math.min(pieceBytes, socket.readableLength) || undefined);
      if (!(piece instanceof Uint8Array)) break;
      wanted = stream.push(piece);
    }
    socket.uncork();
    void endTurn();
  };
  const endTurn = async (): Promise<void> => {
    await nextTurn();
    turnEnd = Infinity;
    if (socket.readableLength > 0) advance();
  };
  socket.on("readable", advance);
  socket.once("end", () => void stream.push(null));
  socket.once("error", (error) => void stream.destroy(error));
  socket.once("close", () => {
    // What has arrived is read to its end. Who only pauses that closes the stream itself.
    if (socket.readableEnded && !stream.readableEnded) stream.once("end", () => void stream.destroy());
    else stream.destroy();
  });
  return stream;
}
