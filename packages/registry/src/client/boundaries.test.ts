import { noopEmit } from "@ob/core";
import { describe, expect, test, vi } from "vitest";
import { Authorizer } from "../auth/authorizer.ts";
import { FakeRegistry } from "../testing/fake-registry.ts";
import { createServer } from "node:http";
import { once } from "node:events";
import { openRegistry } from "../index.ts";
import { retryAfter } from "./backoff.ts";
import { connect } from "./connect.ts";

/** A session with a registry to which nothing is sent. */
function sessionWith(origin: string) {
  const { session } = connect({
    origin: new URL(origin),
    registry: "reg.example",
    repository: "ob",
    credentials: async () => ({ kind: "anonymous" }),
    ca: undefined,
    idleMs: 1_000,
    backoff: { attempts: 1, pauseMs: 1 },
    emit: noopEmit,
  });
  return session;
}

describe("a registry sends its clients", () => {
  test.each([
    ["https://reg.example", "https://cdn.example/blob"],
    ["https://reg.example", "https://reg.example:8443/blob"],
    ["http://reg.example", "http://cdn.example/blob"],
    ["http://127.0.0.1:5000", "http://127.0.0.1:9000/blob"],
    ["http://127.0.0.1:5000", "https://cdn.example/blob"],
  ])("from %s to %s", (origin, target) => {
    expect(sessionWith(origin).checkTarget(new URL(target)).href).toBe(target);
  });

  test.each([
    ["https://reg.example", "http://cdn.example/blob", "it is not reached by https"],
    ["https://reg.example", "http://reg.example/blob", "it is not reached by https"],
    ["https://reg.example", "https://127.0.0.1/blob", "it is on this machine"],
    ["https://reg.example", "https://[::1]/blob", "it is on this machine"],
    ["http://reg.example", "http://localhost:6379/blob", "it is on this machine"],
    ["https://reg.example", "https://0x7f.1/blob", "it is on this machine"],
    ["https://reg.example", "https://0.0.0.0/blob", "it is on this machine"],
    ["https://reg.example", "https://0/blob", "it is on this machine"],
    ["https://reg.example", "https://[::]/blob", "it is on this machine"],
    ["https://reg.example", "https://[::ffff:127.0.0.1]/blob", "it is on this machine"],
    ["https://reg.example", "https://localhost./blob", "it is on this machine"],
    ["https://reg.example", "https://reg.localhost/blob", "it is on this machine"],
    ["http://reg.example", "http://169.254.169.254/latest/meta-data", "it is on this machine"],
    ["https://reg.example", "https://[fe80::1]/blob", "it is on this machine"],
    ["https://reg.example", "https://me@reg.example/blob", "the address has a user in it"],
    ["https://reg.example", "file:///etc/passwd", "it is not reached by https"],
  ])("from %s not to %s", (origin, target, message) => {
    expect(() => sessionWith(origin).checkTarget(new URL(target))).toThrow(message);
  });
});

describe("the credentials for a registry", () => {
  async function ask(origin: string, realm: string): Promise<readonly string[]> {
    const asked: string[] = [];
    const authorizer = new Authorizer({
      origin: new URL(origin),
      credentials: async () => ({ kind: "password", username: "me", password: "secret" }),
      send: async ({ url }) => {
        asked.push(url.origin);
        return { status: 200, body: Buffer.from('{"token":"t"}') };
      },
    });
    await authorizer.answer([`Bearer realm="${realm}"`], {
      scope: ["repository:ob:pull"],
      refused: undefined,
    });
    return asked;
  }

  test.each([
    ["https://reg.example", "https://auth.example/token"],
    ["http://reg.example", "http://reg.example:5001/token"],
    ["http://127.0.0.1:5000", "http://localhost:5001/token"],
  ])("of %s go to %s", async (origin, realm) => {
    expect(await ask(origin, realm)).toEqual([new URL(realm).origin]);
  });

  test.each([
    ["https://reg.example", "http://reg.example/token", "it is not reached by https"],
    ["https://reg.example", "https://127.0.0.1:5001/token", "it is on this machine"],
    ["http://reg.example", "http://127.0.0.1:5001/token", "it is on this machine"],
    ["https://reg.example", "https://[::ffff:7f00:1]/token", "it is on this machine"],
    ["https://reg.example", "https://169.254.169.254/token", "it is on this machine"],
    ["http://reg.example", "http://auth.example/token", "it is on another host"],
    ["https://reg.example", "/token", "it is not a URL"],
  ])("of %s do not go to %s", async (origin, realm, message) => {
    await expect(ask(origin, realm)).rejects.toThrow(message);
  });
});

test("a registry elsewhere is reached through the proxy of the environment, one on the loopback is not", async () => {
  await using fake = await FakeRegistry.start();
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end('{"tags":["proxied"]}');
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  const port = typeof address === "object" && address ? address.port : 0;
  for (const name of ["HTTP_PROXY", "http_proxy"]) vi.stubEnv(name, `http://127.0.0.1:${port}`);
  for (const name of ["NO_PROXY", "no_proxy"]) vi.stubEnv(name, "");
  try {
    await using remote = openRegistry({
      ref: "reg.example/ob",
      insecure: true,
      credentials: { kind: "anonymous" },
    });
    expect(await remote.listTags()).toEqual(["proxied"]);
    await using local = openRegistry({ ref: `${fake.host}/ob` });
    expect(await local.listTags()).toEqual([]);
    expect(asked).toEqual(["http://reg.example/v2/ob/tags/list?n=1000"]);
    expect(fake.requests).toHaveLength(1);
  } finally {
    vi.unstubAllEnvs();
    proxy.close();
  }
});

test("Retry-After is seconds or a date, at most a minute", () => {
  const now = Date.parse("Thu, 01 Jan 2026 00:00:00 GMT");
  const read = (value: string | undefined) => retryAfter(value, now);
  expect(read("3")).toBe(3_000);
  expect(read("Thu, 01 Jan 2026 00:00:10 GMT")).toBe(10_000);
  expect(read("Wed, 31 Dec 2025 00:00:10 GMT")).toBe(0);
  expect(read("999999999")).toBe(60_000);
  expect([undefined, "", "soon", "-1e9"].map(read)).toEqual([undefined, undefined, undefined, undefined]);
});
