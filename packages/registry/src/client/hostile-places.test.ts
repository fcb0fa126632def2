import type { LookupFunction } from "node:net";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTransport } from "../http/transport.ts";
import { digestOf, openRegistry, type Registry } from "../index.ts";
import { scratch } from "../testing/scratch.ts";
import { FakeRegistry, type Intercept, send } from "../testing/fake-registry.ts";

/*
 * Where a registry sends its clients to is its word: another host may be somebody else's, and a name may lead to this machine.
 */

const stack = new AsyncDisposableStack();
let registry: FakeRegistry;
let other: FakeRegistry;
beforeAll(async () => {
  registry = stack.use(await FakeRegistry.start());
  other = stack.use(await FakeRegistry.start());
});
afterAll(async () => await stack.disposeAsync());

const content = { digest: digestOf("x"), size: 1 };

describe("another host that a registry sends its clients to", () => {
  const asksForPassword: Intercept = ({ url, headers }, response) => {
    const isToken = url.startsWith("/token");
    const realm = `http://${other.host}/token`;
    const challenges = [`Bearer realm="${realm}",service="s"`, 'Basic realm="x"'];
    send(response, isToken ? 200 : 401, {
      headers: { "www-authenticate": challenges.join(", ") },
      body: JSON.stringify({ token: "t", seen: headers.authorization }),
    });
    return true;
  };

  test.each<{ what: string; method: string; status: number; ask: (opened: Registry) => Promise<unknown> }>([
    { what: "a blob", method: "HEAD", status: 307, ask: async (from) => await from.hasBlob(content) },
    {
      what: "an upload",
      method: "POST",
      status: 202,
      ask: async (to) => await to.pushContext({ tar: Readable.from([Buffer.from("tar")]) }),
    },
  ])("gets no credentials by asking for them: $what", async ({ ask, method, status }) => {
    const before = other.requests.length;
    other.options.intercept = asksForPassword;
    registry.options.intercept = (request, response) => {
      if (request.method !== method) return false;
      send(response, status, { headers: { location: `http://${other.host}/elsewhere` } });
      return true;
    };
    await using opened = openRegistry({
      ...{ ref: `${registry.host}/ob`, attempts: 1 },
      credentials: { kind: "password", username: "me", password: "secret" },
    });
    await expect(ask(opened)).rejects.toMatchObject({ code: "REGISTRY", data: { status: "401" } });
    const asked = other.requests.slice(before).map(({ url, headers }) => [url, headers.authorization]);
    expect(asked).toEqual([[expect.stringMatching(/^\/elsewhere/), undefined]]);
  });
});

describe("a name that leads to this machine", () => {
  /** A name server of which the registry's owner has some names. */
  const resolve =
    (addresses: Readonly<Record<string, string>>): LookupFunction =>
    (name, options, done) => {
      const address = addresses[name] ?? "192.0.2.1";
      if (options.all) done(null, [{ address, family: address.includes(":") ? 6 : 4 }]);
      else done(null, address, 4);
    };

  async function reach(addresses: Readonly<Record<string, string>>): Promise<number> {
    await using transport = createTransport({
      ...{ origin: new URL("http://reg.example"), idleMs: 2_000 },
      resolve: resolve(addresses),
    });
    const port = other.host.split(":")[1];
    other.options.intercept = undefined;
    const url = new URL(`http://cdn.example:${port}/v2/`);
    const { status, body } = await transport.send({
      method: "GET",
      url,
      signal: new AbortController().signal,
    });
    body.resume();
    return status;
  }

  test.each(["127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::1", "169.254.169.254"])(
    "is not followed: %s",
    async (address) => {
      const before = other.requests.length;
      await expect(reach({ "cdn.example": address })).rejects.toThrow("its address is on this machine");
      expect(other.requests).toHaveLength(before);
    },
  );

  test("is followed if the registry is there, too", async () => {
    expect(await reach({ "cdn.example": "127.0.0.1", "reg.example": "127.0.0.1" })).toBe(200);
  });
});

test("a registry that sends a blob byte by byte is left", async () => {
  const bytes = Buffer.alloc(50, "x");
  let gets = 0;
  let cut = (): void => undefined;
  registry.options.intercept = ({ headers }, response) => {
    const from = Number(/\d+/.exec(headers.range ?? "0")?.[0]);
    gets++;
    const range = { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(from > 0 ? 206 : 200, { "content-length": bytes.length - from, ...range });
    response.write(bytes.subarray(from, from + 1));
    cut = () => response.destroy();
    return true;
  };
  await using files = await scratch();
  await using opened = openRegistry({ ref: `${registry.host}/ob`, pauseMs: 1, onProgress: () => cut() });
  const pull = opened.pullBlob({ digest: digestOf(bytes), size: bytes.length }, files.path("blob"));
  await expect(pull).rejects.toMatchObject({ code: "REGISTRY", data: { problem: "unreachable" } });
  expect(gets).toBeLessThanOrEqual(5);
});

test("a list of tags that goes in a circle ends", async () => {
  let pages = 0;
  registry.options.intercept = (_, response) => {
    const link = `</v2/ob/tags/list?n=1&last=${++pages % 2}>; rel="next"`;
    send(response, 200, { headers: { link }, body: JSON.stringify({ tags: [`t${pages % 2}`] }) });
    return true;
  };
  await using opened = openRegistry({ ref: `${registry.host}/ob` });
  await expect(opened.listTags()).rejects.toThrow("does not end");
  expect(pages).toBe(3);
});
