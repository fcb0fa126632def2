import type { Duplex } from "node:stream";

/*
 * The line with which an SSH client introduces itself. It is sent at once, and not only after the server's: passt
 * (of Debian 12) does not complete a connection to a guest before it has something to send.
 */

export const clientName = "obuilder";

const line = `SSH-2.0-${clientName}\r\n`;

/** Sends the line as soon as the socket is connected. */
export function sendIdentification(socket: Duplex): void {
  socket.write(line);
}

/** Drops what ssh2 writes first, which is the line that has been sent. */
export function withoutIdentification(socket: Duplex): Duplex {
  const write = socket.write.bind(socket);
  socket.write = (data: Uint8Array | string): boolean => {
    if (Buffer.from(data).toString("latin1") !== line)
      throw new TypeError("ssh2 does not begin with its name");
    socket.write = write;
    return true;
  };
  return socket;
}
