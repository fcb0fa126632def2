import type { Duplex } from "node:stream";
import { ObError } from "@ob/core";
import type { Client, ClientChannel } from "ssh2";

/**
 * How much output of a command may wait to be read, in bytes. ssh2 grants the server 2 MiB for each stream, and as much again when
 * half of that has arrived, and drops nothing that exceeds it.
 */
const maxUnread = 16 * 2 ** 20;

/** How much may wait to be sent, in bytes. ssh2 sends all that the server grants, and an answer to each of its requests. */
const maxUnsent = 32 * 2 ** 20;

/** How many requests of ssh2 may wait for an answer: it makes one for each list of host keys that the server sends. */
const maxRequests = 1_000;

/** How often all that is checked, in milliseconds. */
const interval = 50;

export interface FloodWatch extends Disposable {
  /** Watches the output of a command until its channel is closed. */
  readonly watch: (channel: ClientChannel) => void;
  /** Resolves once what was written is on its way; undefined if it is. ssh2 waits for the server's window only. */
  readonly sent: () => Promise<void> | undefined;
}

/**
 * Watches what ssh2 keeps of a connection in memory: a hostile server can send more than it was granted, and can leave unread what
 * it is sent. Disposing ends that.
 *
 * @param onFlood is called once, with `GUEST_LOST`.
 */
export function watchFloods(
  { client, socket }: { readonly client: Client; readonly socket: Duplex },
  onFlood: (error: ObError) => void,
): FloodWatch {
  const channels = new Set<ClientChannel>();
  const problem = (): string | undefined => {
    const isFull = (channel: ClientChannel): boolean =>
      channel.readableLength + channel.stderr.readableLength > maxUnread;
    if ([...channels].some(isFull)) return "sent more output than it was granted";
    if (socket.writableLength > maxUnsent) return "does not read what it is sent";
    return openRequests(client) > maxRequests ? "makes more requests than it answers" : undefined;
  };
  const timer = setInterval(() => {
    const found = problem();
    if (found === undefined) return;
    clearInterval(timer);
    onFlood(new ObError("GUEST_LOST", `The guest's SSH server ${found}.`));
  }, interval);
  timer.unref();
  return {
    watch: (channel) => {
      channels.add(channel);
      channel.once("close", () => void channels.delete(channel));
    },
    sent: () => (socket.writableNeedDrain ? drained(socket) : undefined),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

async function drained(socket: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = ["drain", "close"] as const;
  for (const event of events) socket.once(event, resolve);
  await promise;
  for (const event of events) socket.off(event, resolve);
}

/** ssh2 has no public count of them. */
function openRequests(client: Client): number {
  const callbacks: unknown = Reflect.get(client, "_callbacks");
  return Array.isArray(callbacks) ? callbacks.length : 0;
}
