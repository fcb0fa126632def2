import { chmod, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { type Credentials, dockerCredentials } from "../index.ts";
import { type Scratch, scratch } from "../testing/scratch.ts";

const signal = new AbortController().signal;
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const basic = (username: string, password: string): Credentials => ({ kind: "password", username, password });

interface Home {
  readonly files: Scratch;
  readonly find: (registry: string, repository?: string) => Promise<Credentials>;
}

/** A home with files of credentials, and programs; `DIR` in a variable is its directory. */
async function home(
  files: Scratch,
  contents: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Home> {
  for (const [name, content] of Object.entries(contents)) {
    await mkdir(dirname(files.path(name)), { recursive: true });
    await files.file(name, typeof content === "string" ? content : JSON.stringify(content));
    if (name.startsWith("bin/")) await chmod(files.path(name), 0o755);
  }
  const variables = Object.entries(env).map(([key, value]) => [key, value.replace("DIR", files.path("."))]);
  const path = `${files.path("bin")}:${process.env["PATH"]}`;
  const source = dockerCredentials({
    home: files.path("home"),
    env: { PATH: path, ...Object.fromEntries(variables) },
  });
  return {
    files,
    find: async (registry, repository = "a/b") => await source(registry, { repository, signal }),
  };
}

const config = "home/.docker/config.json";

test("entries are found by the registry, by its old forms, and by the most particular path", async () => {
  await using files = await scratch();
  const auths = {
    "reg.example": { auth: base64("a:b:c") },
    "https://old.example/v1/": { username: "u", password: "p" },
    "pod.example/a": { auth: base64("team:x") },
    "pod.example": { auth: base64("all:x") },
    "id.example": { identitytoken: "token", auth: base64("u:p") },
    "own.example": { registrytoken: "bearer" },
    "https://index.docker.io/v1/": { auth: base64("hub:x") },
    "empty.example": {},
  };
  const { find } = await home(files, { [config]: { auths } });
  expect(await find("reg.example")).toEqual(basic("a", "b:c"));
  expect(await find("old.example")).toEqual(basic("u", "p"));
  expect(await find("pod.example", "a/b/c")).toEqual(basic("team", "x"));
  expect(await find("pod.example", "b/a")).toEqual(basic("all", "x"));
  expect(await find("docker.io")).toEqual(basic("hub", "x"));
  expect(await find("id.example")).toEqual({ kind: "identity", token: "token" });
  expect(await find("own.example")).toEqual({ kind: "bearer", token: "bearer" });
  for (const none of ["empty.example", "reg.example:5000", "example", "constructor", "__proto__"]) {
    expect(await find(none), none).toEqual({ kind: "anonymous" });
  }
});

test("files are those of the variables, the first with an entry counts, and missing ones are no error", async () => {
  await using files = await scratch();
  const of = (user: string, ...registries: readonly string[]) => ({
    auths: Object.fromEntries(registries.map((registry) => [registry, { auth: base64(`${user}:x`) }])),
  });
  const contents = {
    [config]: of("home", "a"),
    "docker/config.json": of("docker", "a", "b"),
    "run/containers/auth.json": of("podman", "a", "b", "c"),
    only: of("only", "a"),
    empty: "",
  };
  const plain = await home(files, contents, { XDG_RUNTIME_DIR: "DIR/run" });
  expect(await plain.find("a")).toEqual(basic("home", "x"));
  expect(await plain.find("b")).toEqual(basic("podman", "x"));
  const docker = await home(files, contents, { XDG_RUNTIME_DIR: "DIR/run", DOCKER_CONFIG: "DIR/docker" });
  expect(await docker.find("b")).toEqual(basic("docker", "x"));
  expect(await docker.find("c")).toEqual(basic("podman", "x"));
  const only = await home(files, contents, { REGISTRY_AUTH_FILE: "DIR/only", DOCKER_CONFIG: "DIR/docker" });
  expect(await only.find("b")).toEqual({ kind: "anonymous" });
  for (const file of ["DIR/empty", "DIR/missing"]) {
    const none = await home(files, contents, { REGISTRY_AUTH_FILE: file });
    expect(await none.find("a")).toEqual({ kind: "anonymous" });
  }
});

test.each<[string, unknown]>([
  ["is not JSON", "{secret"],
  ["is invalid", { auths: { "reg.example": { auth: ["secret"] } } }],
  ["are not USER:PASSWORD", { auths: { "reg.example": { auth: base64("secret") } } }],
  ["has more than 1048576 bytes", `{"x":"${"secret".repeat(200_000)}"}`],
])("a file that %s fails without its contents in the message", async (message, content) => {
  await using files = await scratch();
  const { find } = await home(files, { [config]: content });
  const error = await find("reg.example").catch((each: unknown) => each);
  expect(error).toMatchObject({ code: "REGISTRY", message: expect.stringContaining(message) });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("secret");
});

const helper = (answer: string): string =>
  `#!/bin/sh\nread -r server; test "$1" = get || exit 9\n${answer}\n`;

test("a helper is asked for its registries, the store for all others, and what they do not know is in the file", async () => {
  await using files = await scratch();
  const contents = {
    [config]: {
      auths: { "file.example": { auth: base64("file:x") }, "one.example": { auth: base64("file:x") } },
      credHelpers: { "one.example": "one", "token.example": "token" },
      credsStore: "all",
    },
    "bin/docker-credential-one": helper(`echo "{\\"Username\\":\\"$server\\",\\"Secret\\":\\"s\\"}"`),
    "bin/docker-credential-token": helper(`echo '{"ServerURL":"","Username":"<token>","Secret":"s"}'`),
    "bin/docker-credential-all": helper(
      `[ "$server" = all.example ] && echo '{"Username":"all","Secret":"s"}' && exit; echo "credentials not found in native keychain"; exit 1`,
    ),
  };
  const { find } = await home(files, contents);
  expect(await find("one.example")).toEqual(basic("one.example", "s"));
  expect(await find("token.example")).toEqual({ kind: "identity", token: "s" });
  expect(await find("all.example")).toEqual(basic("all", "s"));
  expect(await find("file.example")).toEqual(basic("file", "x"));
});

test.each<[string, string, string | undefined]>([
  ["cannot be the name of a credential helper", "../evil", undefined],
  ["cannot be the name of a credential helper", "a b", undefined],
  [
    "docker-credential-x failed with exit status 3 for reg.example",
    "x",
    "echo secret; echo secret >&2; exit 3",
  ],
  ["The answer of docker-credential-x is not JSON", "x", "echo secret"],
  ["The answer of docker-credential-x is invalid", "x", `echo '{"Username":1,"Secret":"secret"}'`],
  ["wrote more than 65536 bytes", "x", "yes secret"],
])("a helper that fails does so without what it wrote: %s", async (message, name, answer) => {
  await using files = await scratch();
  const { find } = await home(files, {
    [config]: { credsStore: name },
    ...(answer !== undefined && { "bin/docker-credential-x": helper(answer) }),
  });
  const error = await find("reg.example").catch((each: unknown) => each);
  expect(error).toMatchObject({ code: "REGISTRY", message: expect.stringContaining(message) });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("secret");
});

test("a helper gets the user's environment, and no secret of this program", async () => {
  await using files = await scratch();
  const own = { OBUILDER_QUEUE_PASSWORD: "x", OTEL_EXPORTER_OTLP_HEADERS: "x" };
  const contents = {
    [config]: { credsStore: "env" },
    "bin/docker-credential-env": helper(
      `echo "{\\"Username\\":\\"u$OBUILDER_QUEUE_PASSWORD$OTEL_EXPORTER_OTLP_HEADERS\\",\\"Secret\\":\\"$AWS_SECRET_ACCESS_KEY\\"}"`,
    ),
  };
  const { find } = await home(files, contents, { ...own, AWS_SECRET_ACCESS_KEY: "s" });
  expect(await find("reg.example")).toEqual(basic("u", "s"));
});

test("a helper that is not installed is named", async () => {
  await using files = await scratch();
  const { find } = await home(files, { [config]: { credsStore: "not-there" } });
  await expect(find("reg.example")).rejects.toMatchObject({
    code: "MISSING_TOOL",
    message: "docker-credential-not-there is not installed, or not on PATH.",
  });
});
