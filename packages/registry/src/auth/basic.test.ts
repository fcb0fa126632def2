import { expect, test } from "vitest";
import { openRegistry } from "../index.ts";
import { hasDockerRegistry, startDockerRegistry } from "../testing/docker-registry.ts";
import { FakeRegistry, send } from "../testing/fake-registry.ts";
import { idOf, scratch } from "../testing/scratch.ts";

const password = { kind: "password", username: "me", password: "pässword:1" } as const;
/** The line of htpasswd (bcrypt) for that user. */
const htpasswd = "me:$2y$04$Jwmb0OUb/WrBHefM0QcTE.4h29CmFzrEBNtdwtoi6BW.Y1lZYQHeO";

test("a user and a password are shown when the registry asks, and not before", async () => {
  await using fake = await FakeRegistry.start({
    intercept: ({ headers }, response) => {
      const expected = `Basic ${Buffer.from("me:pässword:1").toString("base64")}`;
      if (headers.authorization === expected) return false;
      send(response, 401, { headers: { "www-authenticate": 'Basic realm="x"' } });
      return true;
    },
  });
  await using registry = openRegistry({ ref: `${fake.host}/ob`, credentials: password });
  await registry.ping();
  await registry.ping();
  const shown = fake.requests.map(({ headers }) => headers.authorization !== undefined);
  expect(shown).toEqual([false, true, true]);
});

test("what is refused is not tried again, and is not in the error", async () => {
  await using fake = await FakeRegistry.start({
    intercept: (_, response) => (
      send(response, 401, { headers: { "www-authenticate": 'Basic realm="x"' } }),
      true
    ),
  });
  await using registry = openRegistry({ ref: `${fake.host}/ob`, credentials: password });
  const error = await registry.ping().catch((each: unknown) => each);
  expect(error).toMatchObject({ code: "REGISTRY", data: { status: "401", problem: "unauthorized" } });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/pässword|bWU6/);
  expect(fake.requests).toHaveLength(2);
});

test("a registry on another origin, to which it redirects, is shown nothing", async () => {
  await using other = await FakeRegistry.start();
  await using fake = await FakeRegistry.start({
    intercept: ({ headers }, response) => {
      if (headers.authorization === undefined)
        send(response, 401, { headers: { "www-authenticate": "Basic realm=x" } });
      else send(response, 307, { headers: { location: `http://${other.host}/v2/` } });
      return true;
    },
  });
  await using registry = openRegistry({ ref: `${fake.host}/ob`, credentials: password });
  await registry.ping();
  expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

test.skipIf(!(await hasDockerRegistry()))(
  "Debian's docker-registry takes a user of its htpasswd",
  async () => {
    await using files = await scratch();
    const path = await files.file("htpasswd", `${htpasswd}\n`);
    await using server = await startDockerRegistry({ auth: { htpasswd: { realm: "tests", path } } });
    const ref = `${server.host}/ob`;
    await using registry = openRegistry({ ref, credentials: password });
    const chain = await files.chain("base", "a");
    await registry.pushLayer({ id: idOf("a"), chain });
    const layer = await registry.findLayer(idOf("a"));
    expect(layer && (await registry.pullLayer(layer, { disk: () => undefined }))).toBe(true);
    await using stranger = openRegistry({ ref, credentials: { kind: "anonymous" } });
    await expect(stranger.findLayer(idOf("a"))).rejects.toMatchObject({ data: { problem: "unauthorized" } });
    const wrong = { ...password, password: "other" };
    await using impostor = openRegistry({ ref, credentials: wrong });
    await expect(impostor.pushLayer({ id: idOf("b"), chain: await files.chain("b") })).rejects.toThrow(
      "status 401",
    );
  },
);
