import { once } from "node:events";
import { connect, createServer } from "node:net";
import { ObError } from "@ob/core";
import { testTime } from "@ob/core/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { newKey, startServer } from "../testing/ssh-server.ts";
import type { LoginKey } from "./keys.ts";
import { openSession } from "./session.ts";

const never = new AbortController().signal;
const named = (label: string, key = newKey()): LoginKey => ({ kind: "key", label, key });

describe("a login", () => {
  it("succeeds with the key that the guest accepts, after others that it rejects", async () => {
    const key = newKey();
    await using server = await startServer({ accepts: key });
    const keys = [named("/other"), named("/right", key)];
    await using session = await openSession(await server.connect(), { user: "opam", keys, signal: never });
    expect(server.refusals()).toBeGreaterThan(0);
    expect(session.lost.aborted).toBe(false);
  });

  it("that is rejected reports at once which keys were tried", async () => {
    await using server = await startServer({ accepts: newKey() });
    const keys = [named("/home/me/one"), named("/home/me/two")];
    const login = openSession(await server.connect(), { user: "opam", keys, signal: never });
    await expect(login).rejects.toMatchObject({
      code: "LOGIN_FAILED",
      message: "The guest rejected these SSH keys for the user opam: /home/me/one, /home/me/two.",
    });
  });

  it("without any key is an error", async () => {
    await using server = await startServer();
    const login = openSession(await server.connect(), { user: "opam", keys: [], signal: never });
    await expect(login).rejects.toThrow("no SSH key to log in to the guest as opam");
  });

  it("offers keys only, whatever else the guest asks for", async () => {
    const methods: string[] = [];
    await using server = await startServer({
      accepts: newKey(),
      offers: ["password", "keyboard-interactive", "publickey"],
      onMethod: (method) => methods.push(method),
    });
    const login = openSession(await server.connect(), { user: "opam", keys: [named("k")], signal: never });
    await expect(login).rejects.toMatchObject({ code: "LOGIN_FAILED" });
    expect(new Set(methods)).toEqual(new Set(["publickey"]));
  });

  it("is not rejected if the other end closes the connection", async () => {
    await using server = await startServer({ hangUps: 1 });
    const login = openSession(await server.connect(), { user: "opam", keys: [named("k")], signal: never });
    await expect(login).rejects.toMatchObject({ code: "GUEST_LOST" });
  });

  it("ends with the signal's reason, and closes the socket", async () => {
    await using server = await startServer({ accepts: newKey() });
    const controller = new AbortController();
    const socket = await server.connect();
    const login = openSession(socket, { user: "opam", keys: [named("k")], signal: controller.signal });
    controller.abort(new ObError("BOOT_FAILED", "time over"));
    await expect(login).rejects.toMatchObject({ code: "BOOT_FAILED" });
    expect(socket.destroyed).toBe(true);
  });

  it("reports that the connection is lost later", async () => {
    const key = newKey();
    const server = await startServer({ accepts: key });
    const keys = [named("k", key)];
    await using session = await openSession(await server.connect(), { user: "opam", keys, signal: never });
    const lost = new Promise<void>((resolve) =>
      session.lost.addEventListener("abort", () => resolve(), { once: true }),
    );
    await server[Symbol.asyncDispose]();
    await lost;
    expect(session.lost.reason).toMatchObject({ code: "GUEST_LOST" });
  });
});

/** What a client offers to a server: the names in its first packet. */
async function offers(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const server = createServer((socket) => {
    let received = "";
    socket.write("SSH-2.0-x\r\n");
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      if (received.includes("chacha20")) resolve(received);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const stop = new AbortController();
  try {
    const socket = connect(Object(server.address()).port, "127.0.0.1");
    await once(socket, "connect");
    const login = openSession(socket, { user: "opam", keys: [named("k")], signal: stop.signal });
    login.catch(() => undefined);
    return await promise;
  } finally {
    stop.abort();
    server.close();
  }
}

describe("a session with a guest that is hostile", () => {
  it("uses neither numbers of the guest's for the key exchange, which take half a minute to check, nor compression", async () => {
    const offered = await offers();
    expect(offered).toContain("curve25519-sha256");
    expect(offered).not.toContain("group-exchange");
    expect(offered).not.toContain("zlib");
  });

  it("lets the guest open no connection through the client: it would reach the host and its agent", async () => {
    const key = newKey();
    const { promise: opened, resolve } = Promise.withResolvers<readonly string[]>();
    await using server = await startServer({
      accepts: key,
      onLogin: (connection) => {
        const attempt = (open: (done: (error: Error | undefined) => void) => void) =>
          new Promise<string>((done) => open((error) => done(error === undefined ? "opened" : "refused")));
        const attempts = [
          attempt((done) => connection.forwardOut("127.0.0.1", 22, "127.0.0.1", 22, done)),
          attempt((done) => connection.x11("127.0.0.1", 22, done)),
          attempt((done) => connection.openssh_forwardOutStreamLocal("/tmp/agent", done)),
        ];
        void Promise.all(attempts).then(resolve);
      },
    });
    const keys = [named("k", key)];
    await using session = await openSession(await server.connect(), { user: "opam", keys, signal: never });
    await expect(opened).resolves.toEqual(["refused", "refused", "refused"]);
    expect(session.lost.aborted).toBe(false);
  });
});

describe("a guest that does not answer", () => {
  afterEach(() => void vi.useRealTimers());

  /** No answer arrives meanwhile: the event loop does not turn. */
  const passMinutes = (count: number): void => void vi.advanceTimersByTime(count * 60_000);

  it("is lost after two minutes, but not while it stands still", async () => {
    const key = newKey();
    await using server = await startServer({ accepts: key });
    const login = { user: "opam", keys: [named("k", key)], signal: never };
    await using session = await openSession(await server.connect(), login);
    // Not before: the server in this process has timers of its own.
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const silence = session.expectSilence();
    passMinutes(60);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    session.client.exec("true", (error) => (error ? reject(error) : resolve()));
    await promise;
    expect(session.lost.aborted).toBe(false);
    silence[Symbol.dispose]();
    passMinutes(3);
    await vi.waitUntil(() => session.lost.aborted, testTime(5_000));
    expect(session.lost.reason).toMatchObject({
      code: "GUEST_LOST",
      message: expect.stringContaining("Keepalive"),
    });
  });
});
