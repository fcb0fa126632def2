import { once } from "node:events";
import { createServer, type Socket } from "node:net";

/** A point where steps on the host's network wait until the test releases them, so that no test depends on timing. */
export interface Barrier extends AsyncDisposable {
  /** The command with which a step waits. */
  readonly command: string;
  /** Resolves once that many steps have arrived. */
  arrived(count?: number): Promise<void>;
  /** Releases all steps that have arrived, and those that arrive later. */
  open(): void;
}

export async function makeBarrier(): Promise<Barrier> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on("error", () => undefined);
    if (isOpen) socket.end();
    server.emit("arrived");
  });
  let isOpen = false;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The gate has no port.");
  const { port } = address;
  return {
    // 10.0.2.2 is the host's 127.0.0.1 for the guest.
    command: `bash -c 'exec 3<>/dev/tcp/10.0.2.2/${port}; cat <&3'`,
    async arrived(count = 1) {
      while (waiting.size < count) await once(server, "arrived");
    },
    open() {
      isOpen = true;
      for (const socket of waiting) socket.end();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of waiting) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
