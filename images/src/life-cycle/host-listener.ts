import { once } from "node:events";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";

/** A service of the host that a guest can try to reach. Disposing ends it. */
export interface HostListener extends AsyncDisposable {
  /** Where it is; a text says why there is none. */
  readonly at: { readonly host: string; readonly port: number } | string;
}

/**
 * Listens at an address of this host that is not its loopback, which guests do not reach, and sends each client a word. What
 * a client sends is not read.
 */
export async function listenForGuests(word: string): Promise<HostListener> {
  const host = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === "IPv4" && !address.internal)?.address;
  const nothing = { [Symbol.asyncDispose]: () => Promise.resolve() };
  if (host === undefined) return { at: "This host has no address besides its loopback.", ...nothing };
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.setTimeout(10_000, () => socket.destroy());
    socket.end(`${word}\n`);
  });
  try {
    server.listen(0, host);
    await once(server, "listening");
  } catch {
    return { at: "This host allows no service to listen at its address.", ...nothing };
  }
  server.unref();
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    at: { host, port },
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}
