import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { disposableWith, findProgram } from "@ob/core";

/** A running `docker-registry`. It ends, and its files go, when it is disposed of. */
export interface DockerRegistry extends AsyncDisposable {
  /** `ADDRESS:PORT` */
  readonly host: string;
  /** Where it keeps its files. */
  readonly directory: string;
}

export interface DockerRegistryOptions {
  /** The section `auth` of its configuration. */
  readonly auth?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Files with certificate and key in PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Where it listens; by default on a free port of the loopback. */
  readonly address?: string;
  /** A program that runs it in its own place, with its first arguments: `ip netns exec NAME`. */
  readonly through?: readonly string[];
}

/** Debian's package docker-registry has it. */
export async function hasDockerRegistry(): Promise<boolean> {
  return (await findProgram("docker-registry")) !== undefined;
}

/** Starts Debian's `docker-registry`. */
export async function startDockerRegistry({
  auth,
  tls,
  address = "127.0.0.1:0",
  through = [],
}: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "docker-registry-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const config = {
    version: "0.1",
    log: { level: "info", formatter: "json" },
    storage: { filesystem: { rootdirectory: join(directory, "data") }, delete: { enabled: true } },
    http: {
      addr: address,
      secret: "of the tests",
      ...(tls && { tls: { certificate: tls.certificate, key: tls.key } }),
    },
    ...(auth && { auth }),
  };
  const file = join(directory, "config.yml");
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config));
  const [program, ...before] = [...through, "docker-registry"];
  const child = spawn(program, [...before, "serve", file], { stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(child, "close");
  stack.defer(async () => {
    child.kill("SIGKILL");
    await closed;
  });
  const said: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    said.push(line);
    const host = /listening on ([\d.]+:\d+)/.exec(line)?.[1];
    if (host === undefined) continue;
    child.stderr.resume();
    return disposableWith({ host, directory }, stack);
  }
  throw new Error(`docker-registry ended:\n${said.slice(-5).join("\n")}`);
}
