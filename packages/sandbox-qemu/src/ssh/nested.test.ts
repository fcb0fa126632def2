import { afterEach, describe, expect, it } from "vitest";
import { framable } from "../guest/framed.ts";
import { logInToShell } from "../testing/shell-server.ts";
import { newKey } from "../testing/ssh-server.ts";
import { serveOnChannel } from "./nested.ts";
import { quoteWords } from "./quote/posix.ts";
import { openSession } from "./session.ts";

const { signal } = new AbortController();
let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

async function serve(script: string, startUp = "") {
  const session = await logInToShell({ stack, startUp });
  const { framed } = framable((text) => `exec ${quoteWords(["/bin/sh", "-c", text])}`, script);
  return stack.use(await serveOnChannel(framed, { session, signal }));
}

const login = { user: "opam", keys: [{ kind: "key", label: "k", key: newKey() }], signal } as const;

describe("a connection that a command serves", () => {
  it("passes bytes in both directions, and none of the login shell's", async () => {
    const { stream } = await serve("cat", "echo welcome; read line");
    stream.write("SSH-2.0-x\r\n");
    const { promise, resolve } = Promise.withResolvers<string>();
    stream.once("data", (bytes: Buffer) => resolve(bytes.toString()));
    await expect(promise).resolves.toBe("SSH-2.0-x\r\n");
  });

  it.each([
    ["after the frame", "echo bad configuration >&2; exit 3", ""],
    ["before the frame", "true", "echo bad configuration >&2; exit 3"],
  ])("ends with the command, whose status and errors are known: %s", async (_where, script, startUp) => {
    const served = await serve(script, startUp);
    await expect(openSession(served.stream, login)).rejects.toMatchObject({ code: "GUEST_LOST" });
    await expect(served.end()).resolves.toEqual({
      status: { kind: "exited", code: 3 },
      errors: "bad configuration",
    });
  });
});
