import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { zstdDecompressSync } from "node:zlib";
import { execa } from "execa";
import {
  type ClusterRole,
  type ClusterServices,
  queueFlags,
  startClusterServices,
} from "../../scripts/cluster-services.mjs";
import { obuilder } from "./obuilder.ts";

/** The services of a cluster, and what goes over the wire of its Redis. They end when it is disposed of. */
export interface TestCluster extends AsyncDisposable {
  readonly services: ClusterServices;
  /** The command with a role's credentials; flags of the queue go after the first word, or the two of `cluster`. */
  run(
    role: ClusterRole,
    args: readonly string[],
    options?: { readonly input?: string },
  ): ReturnType<typeof obuilder>;
  /** The words of that command and its environment. */
  words(role: ClusterRole, args: readonly string[]): readonly string[];
  /** The passwords of all roles. */
  passwords(): Promise<readonly string[]>;
  /** What Redis was told, what it has and has had, and all that the registries have, unpacked. */
  everything(): Promise<ReadonlyMap<string, Buffer>>;
  /** What a user of Redis has tried and was not allowed. */
  denials(): Promise<string>;
}

export async function startCluster(): Promise<TestCluster> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(tmpdir(), "ob-cluster-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const password = crypto.randomUUID();
  const users = [`user root on >${password} ~* &* +@all`];
  const services = await startClusterServices(path.join(directory, "services"), { users });
  stack.defer(async () => await services.stop());
  const certificate = (name: string) => path.join(services.credentials, "admin", name);
  const cli = [
    ...["--tls", "--cacert", certificate("ca.crt"), "--cert", certificate("tls.crt")],
    ...["--key", certificate("tls.key"), "-p", new URL(services.redis).port, "--user", "root"],
  ];
  const env = { REDISCLI_AUTH: password };
  const redis = async (...words: readonly string[]) =>
    (await execa("redis-cli", [...cli, ...words], { env })).stdout;
  const monitor = spawn("redis-cli", [...cli, "MONITOR"], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const said = buffer(monitor.stdout);
  await once(monitor.stdout, "readable");
  stack.defer(() => void monitor.kill());
  const words = (role: ClusterRole, args: readonly string[]) => {
    const count = args[0] === "cluster" ? 2 : 1;
    return [...args.slice(0, count), ...queueFlags(services.credentials, role), ...args.slice(count)];
  };
  const cluster: Omit<TestCluster, keyof AsyncDisposable> = {
    services,
    words,
    run: (role, args, options) =>
      obuilder(words(role, args), { env: services.environments[role], ...options }),
    passwords: async () =>
      await Promise.all(
        (["worker", "client", "admin"] as const).map(
          async (role) =>
            await readFile(path.join(services.credentials, role, "queue-password"), "utf8").then((text) =>
              text.trim(),
            ),
        ),
      ),
    denials: async () => await redis("ACL", "LOG"),
    everything: async () => {
      await redis("SAVE");
      monitor.kill();
      const all = new Map<string, Buffer>([["MONITOR", await said]]);
      const data = path.join(directory, "services");
      for (const part of ["redis", "layers", "contexts"]) {
        for (const file of await filesIn(path.join(data, part)))
          all.set(file, unpacked(await readFile(file)));
      }
      return all;
    },
  };
  const owned = stack.move();
  return { ...cluster, [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

function unpacked(bytes: Buffer<ArrayBuffer>): Buffer {
  const isZstd = bytes.length > 4 && bytes.readUInt32LE(0) === 0xfd2fb528;
  return isZstd ? zstdDecompressSync(bytes) : bytes;
}
