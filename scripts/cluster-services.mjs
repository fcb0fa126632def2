// The services of a cluster, on the loopback of this host, as deploy/ configures them: Redis and the registries, with credentials
// that were just made. What the quickstart shows and what the tests prove is so what docs/cluster.md tells to use.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { which } from "./environment.mjs";

const deploy = fileURLToPath(new URL("../deploy", import.meta.url));
const address = "127.0.0.1";
const programs = ["redis-server", "docker-registry", "openssl", "htpasswd"];

/** The programs that are missing for the services; Debian's packages of `clusterPackages` have them. */
export function missingForCluster() {
  return programs.filter((program) => !which(program));
}

/**
 * Starts Redis alone. What it needs and writes is in a directory that must not exist yet.
 *
 * @param users more lines for the file of its users.
 * @returns its address, the directory of credentials, and `stop`, which ends the process.
 */
export async function startClusterRedis(directory, { users = [], signal } = {}) {
  const credentials = join(directory, "credentials");
  mkdirSync(directory, { mode: 0o700 });
  makeCredentials(credentials);
  for (const user of users) appendFileSync(join(credentials, "redis", "users.acl"), `${user}\n`);
  const children = [];
  const stop = async () => void (await Promise.all(children.map(endProcess)));
  try {
    const started = (child) => void children.push(child);
    const redis = await startRedis(directory, { credentials, started, signal });
    return { credentials, redis, children, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Starts the services: Redis as `startClusterRedis`, and the registries.
 *
 * @returns each role's environment for `obuilder`, too.
 */
export async function startClusterServices(directory, options = {}) {
  // On the loopback the command speaks plain http.
  const { signal, isPlain = true } = options;
  const { credentials, redis, children, stop } = await startClusterRedis(directory, options);
  try {
    const started = (child) => void children.push(child);
    const startOne = async (name, data, settings) =>
      await startRegistry({
        data: join(directory, data),
        credentials,
        started,
        signal,
        name,
        isPlain,
        ...settings,
      });
    const layers = await startOne("layers", "layers", { users: "htpasswd" });
    // The same layers for those who may not push.
    const reading = await startOne("layers, read-only", "layers", {
      users: "htpasswd.clients",
      isReadOnly: true,
    });
    const contexts = await startOne("contexts", "contexts", { users: "htpasswd.contexts" });
    const hosts = { layers, reading, contexts };
    for (const role of ["worker", "client"]) writeLogin(join(credentials, role, "config.json"), hosts);
    const of = (role) => environmentOf(role, { credentials, redis, hosts });
    return {
      credentials,
      redis,
      hosts,
      children,
      environments: { worker: of("worker"), client: of("client"), admin: of("admin") },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The options of a role for the queue; all else is in its environment. */
export function queueFlags(credentials, role) {
  const file = (name) => join(credentials, role, name);
  return [
    `--queue-ca=${file("ca.crt")}`,
    `--queue-cert=${file("tls.crt")}`,
    `--queue-key=${file("tls.key")}`,
    `--queue-password-file=${file("queue-password")}`,
  ];
}

function environmentOf(role, { credentials, redis, hosts }) {
  return {
    OBUILDER_QUEUE: redis.replace("//", `//${role}@`),
    OBUILDER_REGISTRY: `${role === "worker" ? hosts.layers : hosts.reading}/ob`,
    OBUILDER_CONTEXT_REGISTRY: `${hosts.contexts}/ob`,
    DOCKER_CONFIG: join(credentials, role),
  };
}

function makeCredentials(credentials) {
  const script = join(deploy, "credentials.sh");
  const { status, stderr } = spawnSync("sh", [script, credentials, address], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${script} failed:\n${stderr}`);
}

/** Redis takes no port 0 and tells no port, so a port is tried, and another one if it is taken. */
async function startRedis(directory, { credentials, started, signal }) {
  const data = join(directory, "redis");
  mkdirSync(data);
  const file = (name) => join(credentials, "redis", name);
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const settings = {
      bind: address,
      "tls-port": String(port),
      "tls-cert-file": file("server.crt"),
      "tls-key-file": file("server.key"),
      "tls-ca-cert-file": file("ca.crt"),
      aclfile: file("users.acl"),
      dir: data,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn("redis-server", [join(deploy, "redis.conf"), ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    started(child);
    const said = await untilSaid(child, {
      output: child.stdout,
      pattern: /Ready to accept connections/,
      signal,
    });
    if (said.found) return `rediss://${address}:${port}`;
    if (!said.text.includes("Address already in use")) throw new Error(`redis-server ended:\n${said.text}`);
  }
}

async function startRegistry({
  name,
  data,
  credentials,
  users,
  isPlain,
  isReadOnly = false,
  started,
  signal,
}) {
  const file = (part) => join(credentials, "registry", part);
  const child = spawn("docker-registry", ["serve", join(deploy, "registry.yml")], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: process.env.PATH,
      REGISTRY_HTTP_ADDR: `${address}:0`,
      REGISTRY_HTTP_TLS_CERTIFICATE: isPlain ? "" : file("server.crt"),
      REGISTRY_HTTP_TLS_KEY: isPlain ? "" : file("server.key"),
      REGISTRY_AUTH_HTPASSWD_PATH: file(users),
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: data,
      ...(isReadOnly && { REGISTRY_STORAGE_MAINTENANCE_READONLY: "{enabled: true}" }),
    },
  });
  started(child);
  const pattern = /listening on (127\.0\.0\.1:\d+)/;
  const said = await untilSaid(child, { output: child.stderr, pattern, signal });
  if (said.found) return said.found[1];
  throw new Error(`The registry of ${name} ended:\n${said.text}`);
}

/** Reads what a program says until it matches; afterwards the rest is dropped. */
async function untilSaid(child, { output, pattern, signal }) {
  const closed = once(child, "close");
  closed.catch(() => undefined);
  const onAbort = () => child.kill();
  signal?.addEventListener("abort", onAbort);
  const lines = [];
  try {
    for await (const line of createInterface({ input: output })) {
      lines.push(line);
      const found = pattern.exec(line);
      if (!found) continue;
      output.resume();
      return { found, text: lines.join("\n") };
    }
    await closed;
    signal?.throwIfAborted();
    return { found: undefined, text: lines.slice(-10).join("\n") };
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** The logins are made before the ports are known. */
function writeLogin(file, hosts) {
  const [{ auth }] = Object.values(JSON.parse(readFileSync(file, "utf8")).auths);
  const auths = Object.fromEntries(Object.values(hosts).map((host) => [host, { auth }]));
  writeFileSync(file, JSON.stringify({ auths }));
}

/** Ends a process: at once if it has not ended after some seconds. */
export async function endProcess(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await exited;
  clearTimeout(timer);
}
