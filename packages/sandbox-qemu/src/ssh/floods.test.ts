import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { measureFlood, startTestProcess, threadClock, testTime } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { newKey } from "../testing/ssh-server.ts";
import { execute } from "./exec.ts";
import { openSession, type SshSession } from "./session.ts";

const never = new AbortController().signal;
const script = join(import.meta.dirname, "../testing/flooding-server.ts");
const mebibyte = 2 ** 20;

/** How long a flood is watched, in milliseconds. */
const duration = 1_500;

async function logIn(stack: AsyncDisposableStack, ...kind: readonly string[]): Promise<SshSession> {
  const server = stack.use(startTestProcess(script, kind));
  const socket = connect(Number(await server.readLine()), "127.0.0.1");
  await once(socket, "connect");
  const keys = [{ kind: "key", label: "k", key: newKey() }] as const;
  return stack.use(await openSession(socket, { user: "opam", keys, signal: never }));
}

describe("an SSH server that sends without end", () => {
  it.each(["requests", "host keys", "nothing", "channels", "window sizes", "single bytes", "output"])(
    "stalls nothing and fills no memory: %s",
    { timeout: testTime(60_000) },
    async (kind) => {
      await using stack = new AsyncDisposableStack();
      const session = await logIn(stack, kind);
      const stop = new AbortController();
      let arrived = 0;
      const running = execute(session, "x", {
        signal: stop.signal,
        onStdout: (bytes) => {
          arrived += bytes.length;
        },
      });
      running.catch(() => undefined);
      const { stall, allowed, growth } = await measureFlood(async () => await sleep(duration));
      expect(stall).toBeLessThan(allowed);
      expect(growth).toBeLessThan(100 * mebibyte);
      expect(arrived > 0).toBe(["single bytes", "output"].includes(kind));
      using clock = threadClock();
      const start = clock.now();
      stop.abort();
      await expect(running).rejects.toBeDefined();
      expect(clock.now() - start).toBeLessThan(1_000 + allowed);
    },
  );

  it.each([["host keys", "The guest's SSH server makes more requests than it answers."]])(
    "and reads nothing is lost: %s",
    { timeout: testTime(60_000) },
    async (kind, message) => {
      await using stack = new AsyncDisposableStack();
      const { lost } = await logIn(stack, kind, "deaf");
      if (!lost.aborted) await once(lost, "abort");
      expect(lost.reason).toMatchObject({ code: "GUEST_LOST", message });
    },
  );
});
