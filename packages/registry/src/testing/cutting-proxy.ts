import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What the proxy still does to its connections. */
export interface Cuts {
  /** How many connections are cut. */
  count: number;
  /** After so many bytes in either direction. */
  bytes: number;
}

/** A way to a server on the loopback, whose connections break. */
export class CuttingProxy implements AsyncDisposable {
  readonly cuts: Cuts = { count: 0, bytes: 0 };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: string) {
    const [host, port] = target.split(":");
    this.#server = createServer((client) => this.#connect(client, connect(Number(port), host ?? "")));
  }

  /** @param target `127.0.0.1:PORT` */
  static async start(target: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  }

  #connect(client: Socket, upstream: Socket): void {
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const [from, to] of [[client, upstream] as const, [upstream, client] as const]) {
      this.#sockets.add(from);
      let bytes = 0;
      from.on("data", (chunk) => {
        bytes += chunk.length;
        to.write(chunk);
        if (this.cuts.count <= 0 || bytes < this.cuts.bytes) return;
        this.cuts.count--;
        // What was written before arrives first.
        to.end();
        from.destroy();
      });
      from.on("error", cut).on("close", () => {
        this.#sockets.delete(from);
        to.end();
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }
}
