import { once } from "node:events";
import { createServer, type Socket } from "node:net";

/** Where a step on the host's network waits until its test lets it go on: nothing depends on how long anything takes. */
export interface Barrier extends AsyncDisposable {
  /** What the step runs to wait. */
  readonly command: string;
  /** Resolves when so many steps have come to it. */
  arrived(count?: number): Promise<void>;
  /** Lets all go on who have come, and who come later. */
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
    // The guest knows the host's 127.0.0.1 as 10.0.2.2.
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
