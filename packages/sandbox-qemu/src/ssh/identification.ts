import type { Duplex } from "node:stream";

/*
 * The line with which an SSH client introduces itself. It is sent at once, and not only after the server's: passt
 * (of Debian 12) does not complete a connection to a guest before it has something to send.
 */

export const clientName = "obuilder";

export const identification = `SSH-2.0-${clientName}\r\n`;

/** Sends the line as soon as the socket is connected. */
export function sendIdentification(socket: Duplex): void {
  socket.write(identification);
}
