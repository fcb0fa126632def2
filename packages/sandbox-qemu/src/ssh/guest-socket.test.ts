import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { guestSocket } from "./guest-socket.ts";

/** Both ends of a connection. */
async function socketPair(stack: AsyncDisposableStack): Promise<{ near: Socket; far: Socket }> {
  const { path: directory } = stack.use(await mkdtempDisposable(join(tmpdir(), "guest-socket-")));
  const server = createServer().listen(join(directory, "s"));
  stack.defer(() => void server.close());
  await once(server, "listening");
  const near = connect(join(directory, "s"));
  const [far] = (await once(server, "connection")) as [Socket];
  stack.defer(() => void near.destroy());
  stack.defer(() => void far.destroy());
  return { near, far };
}

const sent = Buffer.alloc(60_000, "0123456789");

describe("what a guest sends before it closes its connection", () => {
  it.each([
    ["the end", (far: Socket) => void far.end(sent)],
    ["its socket", (far: Socket) => void far.end(sent, () => void far.destroy())],
  ])("is read by a reader that pauses: %s", async (_name, close) => {
    await using stack = new AsyncDisposableStack();
    const { near, far } = await socketPair(stack);
    const stream = guestSocket(near);
    const chunks: Buffer[] = [];
    const closed = once(stream, "close");
    stream.on("data", (bytes: Buffer) => {
      chunks.push(bytes);
      stream.pause();
      // Only once all has arrived, and the connection is closed.
      if (near.closed) stream.resume();
      else near.once("close", () => void stream.resume());
    });
    close(far);
    await closed;
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
  });

  it("does not keep a connection that is closed meanwhile", async () => {
    await using stack = new AsyncDisposableStack();
    const { near, far } = await socketPair(stack);
    const stream = guestSocket(near);
    const closed = once(stream, "close");
    stream.resume();
    far.end(sent);
    await closed;
    expect(stream.destroyed).toBe(true);
  });
});
