import { describe, expect, test } from "vitest";
import { type Credentials, openRegistry } from "../index.ts";
import { makeCertificate } from "../testing/certificate.ts";
import { hasDockerRegistry, startDockerRegistry } from "../testing/docker-registry.ts";
import { FakeRegistry, send } from "../testing/fake-registry.ts";
import { idOf, scratch } from "../testing/scratch.ts";
import { TokenServer } from "../testing/token-server.ts";

const user = { username: "me", password: "secret-password" };
const password = { kind: "password", ...user } as const;
const pull = "repository:ob:pull";
const push = "repository:ob:pull,push";

/** A registry that takes the tokens of a server. */
async function guarded(tokens: TokenServer, realm = tokens.realm): Promise<FakeRegistry> {
  return await FakeRegistry.start({
    intercept: ({ headers }, response) => {
      const token = headers.authorization?.replace(/^Bearer /, "");
      if (token !== undefined && tokens.tokens.has(token)) return false;
      const challenge = `Bearer realm="${realm}",service="registry",scope="repository:everything:*"`;
      send(response, 401, { headers: { "www-authenticate": challenge } });
      return true;
    },
  });
}

describe("a token server", () => {
  test("is asked once for what is needed, not for what the registry names", async () => {
    await using files = await scratch();
    await using tokens = await TokenServer.start(user);
    await using fake = await guarded(tokens);
    await using registry = openRegistry({ ref: `${fake.host}/ob`, credentials: password });
    await registry.pushLayer({ id: idOf("a"), chain: await files.chain("base", "a") });
    const layer = await registry.findLayer(idOf("a"));
    expect(layer && (await registry.pullLayer(layer, { disk: ({ id }) => files.path(`to-${id}`) }))).toBe(
      true,
    );
    expect(tokens.questions.map(({ scopes }) => scopes)).toEqual([[pull], [push]]);
    expect(tokens.questions.map((question) => question.user)).toEqual(["me", "me"]);
  });

  test("is asked for both repositories of a mount", async () => {
    await using files = await scratch();
    await using tokens = await TokenServer.start(user);
    await using fake = await guarded(tokens);
    await using registry = openRegistry({ ref: `${fake.host}/ob`, credentials: password });
    await registry.pushLayer({ id: idOf("a"), chain: await files.chain("a"), mountFrom: "other" });
    expect(tokens.questions.map(({ scopes }) => scopes)).toContainEqual([push, "repository:other:pull"]);
  });

  test.each<[string, Credentials, unknown]>([
    ["nobody", { kind: "anonymous" }, { method: "GET", user: undefined }],
    ["a user", password, { method: "GET", user: "me" }],
    ["an identity token", { kind: "identity", token: "of me" }, { method: "POST", user: "me" }],
  ])("is asked by %s", async (_, credentials, question) => {
    await using tokens = await TokenServer.start({ ...user, identity: "of me" });
    await using fake = await guarded(tokens);
    await using registry = openRegistry({ ref: `${fake.host}/ob`, credentials });
    await registry.ping();
    expect(tokens.questions).toMatchObject([question]);
  });

  test("is not asked by whoever has a token", async () => {
    await using tokens = await TokenServer.start(user);
    tokens.tokens.add("mine");
    await using fake = await guarded(tokens);
    await using registry = openRegistry({
      ref: `${fake.host}/ob`,
      credentials: { kind: "bearer", token: "mine" },
    });
    await registry.ping();
    expect(tokens.questions).toEqual([]);
  });

  test("is asked again when a token has expired, or is no longer taken", async () => {
    await using tokens = await TokenServer.start({ ...user, expiresIn: 0 });
    await using fake = await guarded(tokens);
    await using registry = openRegistry({ ref: `${fake.host}/ob`, credentials: password });
    await registry.ping();
    await registry.ping();
    expect(tokens.questions).toHaveLength(2);

    await using lasting = await TokenServer.start(user);
    await using other = await guarded(lasting);
    await using second = openRegistry({ ref: `${other.host}/ob`, credentials: password });
    await second.ping();
    lasting.tokens.clear();
    await second.ping();
    expect(lasting.questions).toHaveLength(2);
  });

  test("that refuses, and a registry that never has enough, end in an error without secrets", async () => {
    await using tokens = await TokenServer.start(user);
    await using fake = await guarded(tokens);
    const wrong = { ...password, password: "wrong-secret" };
    await using refused = openRegistry({ ref: `${fake.host}/ob`, credentials: wrong });
    const error = await refused.ping().catch((each: unknown) => each);
    expect(error).toMatchObject({ code: "REGISTRY", data: { status: "401", problem: "unauthorized" } });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("wrong-secret");

    fake.options.intercept = (_, response) => {
      send(response, 401, { headers: { "www-authenticate": `Bearer realm="${tokens.realm}"` } });
      return true;
    };
    await using greedy = openRegistry({ ref: `${fake.host}/ob`, credentials: password });
    const before = fake.requests.length;
    await expect(greedy.ping()).rejects.toThrow("refused GET /v2/: status 401");
    expect(fake.requests.length - before).toBe(2);
  });

  test.each([
    ["nothing", "it is not a URL"],
    ["ftp://127.0.0.1/token", "it is not reached by https"],
    ["http://tokens.example/token", "it is on another host and not reached by https"],
    ["https://a:b@tokens.example/token", "it has a user in it"],
  ])("at %s is not asked", async (realm, message) => {
    await using tokens = await TokenServer.start(user);
    await using fake = await guarded(tokens, realm);
    await using registry = openRegistry({ ref: `${fake.host}/ob`, credentials: password });
    await expect(registry.ping()).rejects.toThrow(message);
  });
});

describe.skipIf(!(await hasDockerRegistry()))("Debian's docker-registry", () => {
  test("takes tokens of a token server that signs them", async () => {
    await using files = await scratch();
    const certificate = await makeCertificate(files, "tokens");
    await using tokens = await TokenServer.start({ ...user, certificate });
    const token = {
      realm: tokens.realm,
      service: "registry",
      issuer: "tests",
      rootcertbundle: certificate.certificate,
    };
    await using server = await startDockerRegistry({ auth: { token } });
    const open = (name: string, credentials: Credentials) =>
      openRegistry({ ref: `${server.host}/${name}`, credentials });
    await using registry = open("ob", password);
    const chain = await files.chain("base", "a");
    await registry.pushLayer({ id: idOf("a"), chain });
    await using copy = open("copy", password);
    await copy.pushLayer({ id: idOf("a"), chain, mountFrom: "ob" });

    await using reader = open("ob", { kind: "anonymous" });
    const layer = await reader.findLayer(idOf("a"));
    expect(layer && (await reader.pullLayer(layer, { disk: ({ id }) => files.path(`to-${id}`) }))).toBe(true);
    const strange = reader.pushLayer({ id: idOf("b"), chain: await files.chain("b") });
    await expect(strange).rejects.toMatchObject({ data: { problem: "unauthorized" } });
  });

  test("is reached by TLS with the certificate of an own authority, and not without", async () => {
    await using files = await scratch();
    const certificate = await makeCertificate(files, "registry");
    await using server = await startDockerRegistry({ tls: certificate });
    const ref = `${server.host}/ob`;
    await using registry = openRegistry({ ref, ca: certificate.pem });
    await registry.pushLayer({ id: idOf("a"), chain: await files.chain("a") });
    expect(await registry.listTags()).toEqual([idOf("a")]);
    await using stranger = openRegistry({ ref, insecure: false });
    await expect(stranger.ping()).rejects.toMatchObject({
      hint: "The certificate of the registry is not trusted. Give the certificate of its authority.",
    });
    await using plain = openRegistry({ ref });
    await expect(plain.ping()).rejects.toMatchObject({ code: "REGISTRY" });
  });
});
